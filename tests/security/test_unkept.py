"""A disk that takes nothing keeps nobody out: sessions are in memory then, as safe as all others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from agent.errors import NotFoundError, UnwritableError
from agent.security.accounts import Accounts
from agent.security.identity import Identity
from agent.security.session_table import Session
from agent.security.unkept import UnkeptSessions
from agent.security.user_table import User
from agent.security.users import Users
from agent.store import Store
from tests.security.clock import Clock

WORDS = "correct horse"
DAY = 86400
ROOM = "PRAGMA max_page_count"


def refuse(store: Store) -> None:
    """Leave SQLite no room for what begins or ends a session."""
    database = store._connections[store._writer]
    needs_room = "INSERT INTO bulk VALUES (zeroblob(1000000))"

    def change() -> None:
        database.execute("CREATE TABLE bulk (bytes)")
        for event in ("INSERT", "DELETE"):
            database.execute(f"CREATE TRIGGER full_{event} BEFORE {event} ON sessions BEGIN {needs_room}; END")
        database.execute(f"{ROOM} = 1").fetchall()  # as many as there are

    store._writer.submit(change).result()


def make_room(store: Store) -> None:
    """Undo that."""
    store._writer.submit(lambda: store._connections[store._writer].execute(f"{ROOM} = 1000000").fetchall()).result()


@pytest.fixture
def unwritable(store: Store, ada: User, bob: User) -> Store:
    """An app.db with two people that takes nothing any more."""
    assert ada.id != bob.id
    refuse(store)
    return store


def sign_in(accounts: Accounts, name: str, old: str = "") -> tuple[str, Identity]:
    return asyncio.run(accounts.sign_in(name, WORDS, agent="Firefox", address="192.168.1.20", old=old))


def signed_in(accounts: Accounts, token: str) -> Identity | None:
    return asyncio.run(accounts.identify_session(token))


@pytest.mark.usefixtures("unwritable")
def test_people_come_in_and_go(accounts: Accounts, bob: User) -> None:
    token, me = sign_in(accounts, "Bob")
    assert (me.user_id, me.name, me.role, len(me.csrf)) == (bob.id, "Bob", "user", 43)
    assert signed_in(accounts, token) == me
    (session,) = asyncio.run(accounts.sessions.list(bob.id))
    assert (session.id, session.agent, session.address) == (me.session, "Firefox", "192.168.1.20")
    asyncio.run(accounts.sessions.end(token))
    assert signed_in(accounts, token) is None
    assert asyncio.run(accounts.sessions.all()) == []


@pytest.mark.usefixtures("unwritable")
@pytest.mark.parametrize("wrong", ["", "x" * 43, "\udcff"])
def test_a_token_of_nobody_is_nobody(accounts: Accounts, wrong: str) -> None:
    sign_in(accounts, "Bob")
    assert signed_in(accounts, wrong) is None


def test_a_session_that_is_on_the_disk_ends_when_its_user_signs_out(
    store: Store, accounts: Accounts, bob: User
) -> None:
    token, me = sign_in(accounts, "Bob")
    other, _ = sign_in(accounts, "Bob")
    refuse(store)

    async def scenario() -> None:
        with accounts.sessions.watch(me.session) as ended:
            await accounts.sessions.end(token)
            assert ended.is_set()

    asyncio.run(scenario())
    assert signed_in(accounts, token) is None
    assert signed_in(accounts, other)
    assert len(asyncio.run(accounts.sessions.list(bob.id))) == 1


def test_sessions_on_the_disk_that_nobody_can_end_there_go_on(store: Store, accounts: Accounts, bob: User) -> None:
    token, me = sign_in(accounts, "Bob")
    refuse(store)
    with pytest.raises(UnwritableError):
        asyncio.run(accounts.sessions.revoke_all(bob.id))
    with pytest.raises(UnwritableError):
        asyncio.run(accounts.sessions.revoke(me.session, by=me))
    assert signed_in(accounts, token)


def test_signing_in_again_ends_the_session_of_that_browser(store: Store, accounts: Accounts, bob: User) -> None:
    on_disk, _ = sign_in(accounts, bob.name)
    refuse(store)
    first, _ = sign_in(accounts, "Bob", old=on_disk)
    second, _ = sign_in(accounts, "Bob", old=first)
    assert [bool(signed_in(accounts, token)) for token in (on_disk, first, second)] == [False, False, True]


@pytest.fixture(params=["this process", "another process"])
def users(request: pytest.FixtureRequest, accounts: Accounts, tmp_path: Path) -> Iterator[Users]:
    """The accounts, where somebody changes them."""
    other = Store(tmp_path / "app.db")
    other.open()
    yield accounts.users if request.param == "this process" else Accounts.on(other, tmp_path).users
    other.close()


@pytest.mark.parametrize("how", ["password", "role", "remove"])
def test_it_ends_when_the_account_changes_once_the_disk_takes_that(
    unwritable: Store, accounts: Accounts, users: Users, bob: User, how: str
) -> None:
    token, _ = sign_in(accounts, "Bob")
    make_room(unwritable)
    changes: dict[str, Callable[[], Awaitable[object]]] = {
        "password": lambda: users.set_password(bob.id, "battery staple"),
        "role": lambda: users.set_role(bob.id, "guest"),
        "remove": lambda: users.remove(bob.id),
    }

    async def scenario() -> None:
        await changes[how]()

    assert signed_in(accounts, token)
    asyncio.run(scenario())
    assert signed_in(accounts, token) is None
    assert asyncio.run(accounts.sessions.all()) == []


@pytest.mark.usefixtures("unwritable")
def test_a_user_ends_own_sessions_and_an_admin_those_of_everybody(accounts: Accounts, bob: User) -> None:
    (mine, ada), (his, him), (third, another) = (sign_in(accounts, name) for name in ("Ada", "Bob", "Bob"))
    with pytest.raises(NotFoundError):
        asyncio.run(accounts.sessions.revoke(ada.session, by=him))
    asyncio.run(accounts.sessions.revoke(him.session, by=ada))
    asyncio.run(accounts.sessions.revoke(another.session, by=another))
    assert [bool(signed_in(accounts, token)) for token in (mine, his, third)] == [True, False, False]
    token, me = sign_in(accounts, "Bob")
    other, _ = sign_in(accounts, "Bob")
    asyncio.run(accounts.sessions.revoke_all(bob.id, but=me.session))
    assert [bool(signed_in(accounts, token)) for token in (token, other)] == [True, False]


@pytest.mark.usefixtures("unwritable")
def test_nothing_of_it_is_on_the_disk(accounts: Accounts, tmp_path: Path) -> None:
    token, me = sign_in(accounts, "Bob")
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("app.db*"))
    assert me.user_id.encode() in kept
    assert not [secret for secret in (token, me.csrf, me.session) if secret.encode() in kept]


def test_there_are_a_hundred_at_most_and_they_grow_old() -> None:
    clock = Clock()
    unkept = UnkeptSessions(clock)
    ended = [
        unkept.begin(Session(str(number), "ada", 0.0, 0.0, "", ""), f"token {number}", "", ("user", ""))
        for number in range(101)
    ]
    assert ended == [[]] * 100 + [["0"]]
    assert unkept.find("token 0") is None
    assert len(unkept.standing()) == 100
    clock.pass_time(30 * DAY)
    assert unkept.find("token 1") is None
    assert unkept.standing() == []
