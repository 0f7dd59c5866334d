import asyncio
import re
from pathlib import Path

import pytest

from agent.errors import ForbiddenError, InputError, NotFoundError, StoreError
from agent.security.accounts import Accounts
from agent.security.identity import OPEN_USER, Identity
from agent.security.keys import Keys
from agent.security.local_key import LOCAL, LocalKey, read_local_key
from agent.security.user_table import User
from agent.store import Store
from tests.security.clock import Clock

WORDS = "correct horse"


def create(accounts: Accounts, name: str, *scopes: str, user: User | None = None) -> str:
    return asyncio.run(accounts.keys.create(name, scopes or ["chat"], user.id if user else None))[1]


def identify(accounts: Accounts, secret: str) -> Identity:
    identity = asyncio.run(accounts.identify_key(secret))
    assert identity
    return identity


def test_a_key_says_which_program_it_is_and_what_it_may_do(accounts: Accounts) -> None:
    secret = create(accounts, "home-assistant", "models", "chat")
    assert re.fullmatch(r"esk_[\w-]{43}", secret)
    identity = identify(accounts, secret)
    assert identity == Identity("", "home-assistant", scopes=frozenset({"chat", "models"}))
    assert not identity.has_role("guest")


def test_a_key_is_kept_so_that_it_cannot_be_used(accounts: Accounts, tmp_path: Path) -> None:
    secret = create(accounts, "home-assistant")
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("app.db*"))
    assert b"home-assistant" in kept
    assert secret.removeprefix("esk_").encode() not in kept
    (key,) = asyncio.run(accounts.keys.all())
    assert key.ending == secret[-4:]
    assert secret not in repr(key)


@pytest.mark.parametrize("secret", ["", "esk_", "esk_" + "A" * 43, "Bearer", "\udcff"])
def test_a_key_of_nobody_is_nobody(accounts: Accounts, secret: str) -> None:
    create(accounts, "home-assistant")
    assert asyncio.run(accounts.identify_key(secret)) is None


def test_users_have_keys_for_chat_only_and_admins_for_everything(accounts: Accounts, ada: User, bob: User) -> None:
    for scopes in (["models"], ["chat", "admin"]):
        with pytest.raises(ForbiddenError):
            create(accounts, "key", *scopes, user=bob)
    assert identify(accounts, create(accounts, "key", user=bob)).user_id == bob.id
    assert identify(accounts, create(accounts, "key", "admin", user=ada)).has_scope("models")


def test_a_key_never_does_more_than_its_owner(accounts: Accounts, bob: User) -> None:
    asyncio.run(accounts.users.set_role(bob.id, "admin"))
    secret = create(accounts, "key", "chat", "admin", user=bob)
    only_admin = create(accounts, "other", "admin", user=bob)
    asyncio.run(accounts.users.set_role(bob.id, "user"))
    assert identify(accounts, secret).scopes == {"chat"}
    assert identify(accounts, only_admin).scopes == set()


def test_a_key_made_while_everything_is_open_would_be_a_way_in_later(accounts: Accounts) -> None:
    asyncio.run(accounts.users.open_user())
    with pytest.raises(ForbiddenError):
        asyncio.run(accounts.keys.create("key", ["chat"], OPEN_USER))


@pytest.mark.parametrize(
    ("name", "scopes", "field"), [("", ["chat"], "name"), ("a", [], "scopes"), ("a", ["x"], "scopes")]
)
def test_a_name_or_scope_that_cannot_be_is_refused(
    accounts: Accounts, name: str, scopes: list[str], field: str
) -> None:
    with pytest.raises(InputError) as error:
        asyncio.run(accounts.keys.create(name, scopes))
    assert error.value.field == field


def test_two_keys_of_one_owner_have_two_names(accounts: Accounts, ada: User) -> None:
    create(accounts, "phone")
    create(accounts, "phone", user=ada)
    with pytest.raises(InputError, match="a key PHONE already"):
        create(accounts, "PHONE", user=ada)


def test_everybody_sees_the_own_keys(accounts: Accounts, ada: User, bob: User) -> None:
    for name, user in (("b", ada), ("A", ada), ("c", bob), ("d", None)):
        create(accounts, name, user=user)
    assert [key.name for key in asyncio.run(accounts.keys.list(ada.id))] == ["A", "b"]
    assert [key.name for key in asyncio.run(accounts.keys.list(None))] == ["d"]
    assert len(asyncio.run(accounts.keys.all())) == 4


def test_a_user_revokes_own_keys_and_an_admin_those_of_everybody(accounts: Accounts, ada: User, bob: User) -> None:
    of_ada, of_bob = create(accounts, "a", user=ada), create(accounts, "b", user=bob)
    ids = {key.name: key.id for key in asyncio.run(accounts.keys.all())}
    by_bob = Identity(bob.id, "Bob", "user")
    with pytest.raises(NotFoundError):
        asyncio.run(accounts.keys.revoke(ids["a"], by=by_bob))
    assert identify(accounts, of_ada).name == "a"
    asyncio.run(accounts.keys.revoke(ids["b"], by=by_bob))
    assert asyncio.run(accounts.identify_key(of_bob)) is None
    asyncio.run(accounts.keys.revoke(ids["a"], by=LOCAL))
    assert asyncio.run(accounts.identify_key(of_ada)) is None


def test_a_program_cannot_revoke_the_keys_of_the_command_line(accounts: Accounts) -> None:
    create(accounts, "a")
    (key,) = asyncio.run(accounts.keys.all())
    with pytest.raises(NotFoundError):
        asyncio.run(accounts.keys.revoke(key.id, by=Identity("", "other", scopes=frozenset({"models"}))))


def test_a_key_is_found_by_id_name_or_the_beginning_of_its_name(accounts: Accounts) -> None:
    for name in ("phone", "phone of Bob", "tablet"):
        create(accounts, name)
    ids = {key.name: key.id for key in asyncio.run(accounts.keys.all())}
    found = {
        wanted: asyncio.run(accounts.keys.find(wanted)).name for wanted in (ids["tablet"], "Phone", "phone o", "T")
    }
    assert list(found.values()) == ["tablet", "phone", "phone of Bob", "tablet"]
    with pytest.raises(InputError, match="several keys"):
        asyncio.run(accounts.keys.find("ph"))
    for absent in ("laptop", ""):
        with pytest.raises(NotFoundError):
            asyncio.run(accounts.keys.find(absent))


def test_use_is_written_every_minute_at_most(store: Store) -> None:
    clock = Clock()
    keys, began = Keys(store, clock), clock()
    _, secret = asyncio.run(keys.create("phone", ["chat"]))
    assert asyncio.run(keys.all())[0].used is None
    for seconds, used in ((0, 0), (59, 0), (2, 61)):
        clock.pass_time(seconds)
        assert asyncio.run(keys.identify(secret))
        assert asyncio.run(keys.all())[0].used == began + used


def test_the_local_key_counts_from_this_computer_only(accounts: Accounts, tmp_path: Path) -> None:
    asyncio.run(accounts.start())
    secret = read_local_key(tmp_path)
    assert asyncio.run(accounts.identify_key(secret, loopback=True)) == LOCAL
    assert asyncio.run(accounts.identify_key(secret)) is None
    assert asyncio.run(accounts.identify_key("", loopback=True)) is None
    assert LOCAL.has_scope("chat")
    accounts.stop()
    assert read_local_key(tmp_path) == ""
    assert asyncio.run(accounts.identify_key(secret, loopback=True)) is None


def test_only_the_owner_of_the_daemon_can_read_the_local_key(tmp_path: Path) -> None:
    (tmp_path / "local-key.new").touch(0o666)
    LocalKey(tmp_path).create()
    assert (tmp_path / "local-key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["local-key"]


def test_a_daemon_does_not_remove_the_key_of_the_next(tmp_path: Path) -> None:
    first, second = LocalKey(tmp_path), LocalKey(tmp_path)
    first.create()
    second.create()
    first.remove()
    assert second.identify(read_local_key(tmp_path)) == LOCAL
    assert first.identify("") is None


def test_a_local_key_that_cannot_be_written_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="absent/local-key cannot be written"):
        LocalKey(tmp_path / "absent").create()


def test_the_daemon_makes_a_claim_code_while_there_is_no_admin(accounts: Accounts) -> None:
    asyncio.run(accounts.start())
    first = asyncio.run(accounts.claim.code())
    asyncio.run(accounts.start())
    second = asyncio.run(accounts.claim.code())
    assert first
    assert second
    assert first.text != second.text
    asyncio.run(accounts.claim_device(second.text, "Ada", WORDS, agent="", address=""))
    asyncio.run(accounts.start())
    assert asyncio.run(accounts.claim.code()) is None
