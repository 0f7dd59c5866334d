import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agent.errors import NotFoundError, SignInError, TooManyTriesError
from agent.security.accounts import Accounts
from agent.security.identity import Identity
from agent.security.sessions import Sessions
from agent.security.user_table import User
from agent.store import Store
from tests.security.clock import Clock

WORDS = "correct horse"
DAY = 86400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(store: Store, clock: Clock) -> Sessions:
    return Sessions(store, clock)


def begin(sessions: Sessions, user: User, old: str = "") -> str:
    return asyncio.run(sessions.begin(user.id, agent="Firefox", address="192.168.1.20", old=old))[0]


def identify(sessions: Sessions, token: str) -> Identity | None:
    return asyncio.run(sessions.identify(token))


def test_signing_in_gives_a_session_with_everything_that_a_page_needs(accounts: Accounts, ada: User) -> None:
    token, identity = asyncio.run(accounts.sign_in("ada", WORDS, agent="Firefox", address="192.168.1.20"))
    assert (identity.user_id, identity.name, identity.role) == (ada.id, "Ada", "admin")
    assert len(identity.csrf) == len(token) == 43
    assert token not in {identity.csrf, identity.session}
    assert asyncio.run(accounts.identify_session(token)) == identity
    (session,) = asyncio.run(accounts.sessions.list(ada.id))
    assert (session.id, session.agent, session.address) == (identity.session, "Firefox", "192.168.1.20")


@pytest.mark.usefixtures("ada")
def test_a_wrong_name_and_a_wrong_password_are_told_alike(accounts: Accounts) -> None:
    for name, password in (("Ada", "wrong horse"), ("Eve", WORDS), ("Eve", ""), ("\0", "x" * 2000)):
        with pytest.raises(SignInError, match=r"^Name or password is wrong\.$"):
            asyncio.run(accounts.sign_in(name, password, agent="", address="192.168.1.20"))


@pytest.mark.usefixtures("ada")
def test_guessing_is_slowed_down_but_not_for_the_owner_elsewhere(accounts: Accounts) -> None:
    for _ in range(5):
        with pytest.raises(SignInError):
            asyncio.run(accounts.sign_in("Ada", "wrong horse", agent="", address="10.0.0.66"))
    with pytest.raises(TooManyTriesError):
        asyncio.run(accounts.sign_in("Ada", WORDS, agent="", address="10.0.0.66"))
    asyncio.run(accounts.sign_in("Ada", WORDS, agent="", address="10.0.0.20"))


def test_the_database_holds_nothing_that_could_be_used(sessions: Sessions, ada: User, tmp_path: Path) -> None:
    token = begin(sessions, ada)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("app.db*"))
    assert ada.id.encode() in kept
    assert token.encode() not in kept


def test_a_token_of_nobody_is_nobody(sessions: Sessions, ada: User) -> None:
    token = begin(sessions, ada)
    for wrong in ("", token[:-1], token + "x", "\udcff", token.lower()):
        assert identify(sessions, wrong) is None


def test_signing_in_again_ends_the_session_of_that_browser(sessions: Sessions, ada: User) -> None:
    first = begin(sessions, ada)
    other = begin(sessions, ada)
    second = begin(sessions, ada, old=first)
    assert identify(sessions, first) is None
    assert identify(sessions, second)
    assert identify(sessions, other)


def test_a_session_ends_after_thirty_days_without_use(sessions: Sessions, ada: User, clock: Clock) -> None:
    token = begin(sessions, ada)
    clock.pass_time(29 * DAY)
    assert identify(sessions, token)
    clock.pass_time(29 * DAY)
    assert identify(sessions, token)
    clock.pass_time(30 * DAY)
    assert identify(sessions, token) is None
    assert asyncio.run(sessions.all()) == []


def test_a_session_ends_after_a_hundred_and_eighty_days_of_use(sessions: Sessions, ada: User, clock: Clock) -> None:
    token = begin(sessions, ada)
    for _ in range(179):
        clock.pass_time(DAY)
        assert identify(sessions, token)
    clock.pass_time(DAY)
    assert identify(sessions, token) is None


def test_use_is_written_every_five_minutes_at_most(sessions: Sessions, ada: User, clock: Clock) -> None:
    token, began = begin(sessions, ada), clock()
    for seconds, seen in ((299, 0), (2, 301), (299, 301)):
        clock.pass_time(seconds)
        identify(sessions, token)
        assert asyncio.run(sessions.all())[0].seen == began + seen


def test_a_boot_without_the_time_ends_no_session(sessions: Sessions, ada: User, clock: Clock) -> None:
    token, today = begin(sessions, ada), clock()
    clock.now = 40.0
    assert identify(sessions, token)
    clock.now = today + 60
    assert identify(sessions, token)


def test_a_session_that_began_before_the_time_was_known_counts_from_when_it_is(
    sessions: Sessions, ada: User, clock: Clock
) -> None:
    today, clock.now = clock(), 300.0
    token = begin(sessions, ada)
    clock.now = today
    assert identify(sessions, token)
    (session,) = asyncio.run(sessions.all())
    assert (session.created, session.seen) == (today, today)
    clock.pass_time(30 * DAY)
    assert identify(sessions, token) is None


def test_a_full_disk_keeps_nobody_out(
    sessions: Sessions, ada: User, clock: Clock, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    token = begin(sessions, ada)
    block = "CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
    asyncio.run(store.write(lambda database: database.execute(block)))
    clock.pass_time(600)
    assert identify(sessions, token)
    assert "disk is full" in caplog.text


def test_one_user_has_a_hundred_sessions_at_most(sessions: Sessions, ada: User, bob: User, clock: Clock) -> None:
    of_bob, first = begin(sessions, bob), begin(sessions, ada)
    for _ in range(100):
        clock.pass_time(1)
        last = begin(sessions, ada)
    assert len(asyncio.run(sessions.list(ada.id))) == 100
    assert identify(sessions, first) is None
    assert identify(sessions, last)
    assert identify(sessions, of_bob)


def test_a_user_ends_own_sessions_and_an_admin_those_of_everybody(sessions: Sessions, ada: User, bob: User) -> None:
    tokens = {user.name: begin(sessions, user) for user in (ada, bob)}
    me = {name: identity for name, token in tokens.items() if (identity := identify(sessions, token))}
    with pytest.raises(NotFoundError):
        asyncio.run(sessions.revoke(me["Ada"].session, by=me["Bob"]))
    assert identify(sessions, tokens["Ada"])
    asyncio.run(sessions.revoke(me["Bob"].session, by=me["Ada"]))
    assert identify(sessions, tokens["Bob"]) is None
    with pytest.raises(NotFoundError):
        asyncio.run(sessions.revoke(me["Bob"].session, by=me["Ada"]))


@pytest.mark.parametrize("how", ["revoke", "revoke all", "sign out", "password", "role", "remove", "sign in again"])
def test_whoever_listens_is_told_at_once_that_a_session_has_ended(accounts: Accounts, bob: User, how: str) -> None:
    async def scenario() -> None:
        token, me = await accounts.sign_in("Bob", WORDS, agent="", address="")
        ends: dict[str, Callable[[], Awaitable[object]]] = {
            "revoke": lambda: accounts.sessions.revoke(me.session, by=me),
            "revoke all": lambda: accounts.sessions.revoke_all(bob.id),
            "sign out": lambda: accounts.sessions.end(token),
            "password": lambda: accounts.users.set_password(bob.id, "battery staple"),
            "role": lambda: accounts.users.set_role(bob.id, "guest"),
            "remove": lambda: accounts.users.remove(bob.id),
            "sign in again": lambda: accounts.sign_in("Bob", WORDS, agent="", address="", old=token),
        }
        listening = asyncio.create_task(accounts.sessions.until_ended(me.session))
        with accounts.sessions.watch(me.session) as ended:
            await asyncio.sleep(0.05)
            assert not listening.done()
            await ends[how]()
            assert ended.is_set()
        await asyncio.wait_for(listening, 1)
        assert await accounts.identify_session(token) is None

    asyncio.run(scenario())


def test_a_new_password_ends_all_sessions_but_the_one_that_set_it(accounts: Accounts, bob: User) -> None:
    async def scenario() -> None:
        mine, me = await accounts.sign_in("Bob", WORDS, agent="", address="")
        other, _ = await accounts.sign_in("Bob", WORDS, agent="", address="")
        with accounts.sessions.watch(me.session) as ended:
            await accounts.users.set_password(bob.id, "battery staple", but=me.session)
            assert not ended.is_set()
        assert await accounts.identify_session(mine)
        assert await accounts.identify_session(other) is None

    asyncio.run(scenario())


def test_the_end_by_another_process_is_noticed(
    accounts: Accounts, bob: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.security.sessions._CHECK_SECONDS", 0.02)
    other = Store(tmp_path / "app.db")
    other.open()

    async def scenario() -> None:
        _, me = await accounts.sign_in("Bob", WORDS, agent="", address="")
        listening = asyncio.create_task(accounts.sessions.until_ended(me.session))
        await asyncio.sleep(0.1)
        assert not listening.done()
        await Accounts.on(other, tmp_path).users.remove(bob.id)
        await asyncio.wait_for(listening, 2)

    asyncio.run(scenario())
    other.close()


@pytest.mark.usefixtures("bob")
def test_nothing_is_left_of_those_who_have_listened(accounts: Accounts) -> None:
    async def scenario() -> None:
        _, me = await accounts.sign_in("Bob", WORDS, agent="", address="")
        listeners = [asyncio.create_task(accounts.sessions.until_ended(me.session)) for _ in range(3)]
        await asyncio.sleep(0.05)
        for listener in listeners:
            listener.cancel()
        await asyncio.wait(listeners)
        assert accounts.sessions._endings._watched == {}

    asyncio.run(scenario())


def test_a_new_role_counts_at_once(accounts: Accounts, bob: User) -> None:
    asyncio.run(accounts.users.set_role(bob.id, "guest"))
    _, me = asyncio.run(accounts.sign_in("Bob", WORDS, agent="", address=""))
    assert not me.has_role("user")
