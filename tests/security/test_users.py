import asyncio

import pytest

from agent.errors import InputError, NotFoundError
from agent.security.accounts import Accounts
from agent.security.identity import OPEN_USER
from agent.security.user_table import User
from agent.store import Store

WORDS = "correct horse"


def test_a_user_is_found_by_name_and_password(accounts: Accounts, ada: User) -> None:
    assert asyncio.run(accounts.users.check("ada ", WORDS)) == ada
    assert asyncio.run(accounts.users.check("Ada", "wrong horse")) is None
    assert asyncio.run(accounts.users.check("Eve", WORDS)) is None


def test_the_first_user_must_be_an_admin(accounts: Accounts) -> None:
    with pytest.raises(InputError, match="first user"):
        asyncio.run(accounts.users.add("Bob", WORDS))
    assert not asyncio.run(accounts.users.list())


@pytest.mark.parametrize("name", ["ADA", " Ada ", "ada", "\uff21da", "open", "OPEN"])
def test_a_name_is_taken_in_whatever_case(accounts: Accounts, ada: User, name: str) -> None:
    with pytest.raises(InputError, match="is taken") as error:
        asyncio.run(accounts.users.add(name, WORDS))
    assert error.value.field == "name"
    assert asyncio.run(accounts.users.list()) == [ada]


@pytest.mark.usefixtures("ada")
def test_case_is_ignored_in_every_script(accounts: Accounts) -> None:
    asyncio.run(accounts.users.add("Жанна Élodie", WORDS))
    user = asyncio.run(accounts.users.check("жанна e\u0301LODIE", WORDS))
    assert user is not None
    assert user.name == "Жанна Élodie"


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\0b", "a\x1b[1mb", "a\u202eb", "a\u200bb"])
def test_a_name_that_does_not_show_or_is_too_long_is_refused(accounts: Accounts, ada: User, name: str) -> None:
    with pytest.raises(InputError):
        asyncio.run(accounts.users.rename(ada.id, name))
    assert asyncio.run(accounts.users.get(ada.id)).name == "Ada"


def test_a_user_may_write_the_own_name_differently(accounts: Accounts, ada: User) -> None:
    asyncio.run(accounts.users.rename(ada.id, "  ADA  Lovelace "))
    assert asyncio.run(accounts.users.get(ada.id)).name == "ADA Lovelace"
    asyncio.run(accounts.users.rename(ada.id, "Ada lovelace"))
    assert asyncio.run(accounts.users.get(ada.id)).name == "Ada lovelace"


def test_the_last_admin_stays(accounts: Accounts, ada: User, bob: User) -> None:
    asyncio.run(accounts.users.open_user())
    for change in (accounts.users.remove(ada.id), accounts.users.set_role(ada.id, "guest")):
        with pytest.raises(InputError, match="Nobody else is an admin"):
            asyncio.run(change)
    asyncio.run(accounts.users.set_role(bob.id, "admin"))
    asyncio.run(accounts.users.remove(ada.id))
    assert [user.name for user in asyncio.run(accounts.users.list())] == ["Bob"]


def test_a_role_that_does_not_exist_is_refused(accounts: Accounts, ada: User) -> None:
    with pytest.raises(InputError, match="no role"):
        asyncio.run(accounts.users.add("Bob", WORDS, "root"))
    with pytest.raises(InputError, match="no role"):
        asyncio.run(accounts.users.set_role(ada.id, "root"))


def test_removing_a_user_removes_what_is_theirs(accounts: Accounts, bob: User, store: Store) -> None:
    token, _ = asyncio.run(accounts.sign_in("bob", WORDS, agent="", address=""))
    _, secret = asyncio.run(accounts.keys.create("phone", ["chat"], bob.id))
    conversation = {"id": "c", "user_id": bob.id, "title": "Private", "created": 0.0, "updated": 0.0}
    asyncio.run(store.write(lambda database: database.table("conversations").insert(conversation)))
    asyncio.run(accounts.users.remove(bob.id))
    assert asyncio.run(accounts.identify_session(token)) is None
    assert asyncio.run(accounts.identify_key(secret)) is None
    assert asyncio.run(store.read(lambda database: database.table("conversations").count)) == 0


def test_a_new_password_replaces_the_old_one(accounts: Accounts, ada: User) -> None:
    asyncio.run(accounts.users.set_password(ada.id, "battery staple"))
    assert asyncio.run(accounts.users.check("Ada", WORDS)) is None
    assert asyncio.run(accounts.users.check("Ada", "battery staple")) == ada


def test_nobody_can_sign_in_as_the_open_user(accounts: Accounts) -> None:
    user = asyncio.run(accounts.users.open_user())
    assert asyncio.run(accounts.users.open_user()) == user
    assert (user.id, user.role) == (OPEN_USER, "admin")
    assert asyncio.run(accounts.users.check("open", "")) is None
    assert not asyncio.run(accounts.claim.claimed())
    for change in (
        accounts.users.set_password(OPEN_USER, WORDS),
        accounts.users.rename(OPEN_USER, "Eve"),
        accounts.users.remove(OPEN_USER),
        accounts.users.set_role(OPEN_USER, "user"),
    ):
        with pytest.raises(NotFoundError):
            asyncio.run(change)


def test_language_and_theme_are_kept_for_everybody_the_open_user_too(accounts: Accounts, ada: User) -> None:
    for user_id in (ada.id, asyncio.run(accounts.users.open_user()).id):
        asyncio.run(accounts.users.set_language(user_id, "zh-Hans"))
        asyncio.run(accounts.users.set_theme(user_id, "dark"))
    user = asyncio.run(accounts.users.open_user())
    assert (user.language, user.theme) == ("zh-Hans", "dark")
    _, identity = asyncio.run(accounts.sign_in("Ada", WORDS, agent="", address=""))
    assert (identity.language, identity.theme) == ("zh-Hans", "dark")


def test_a_language_or_theme_that_cannot_be_is_refused(accounts: Accounts, ada: User) -> None:
    with pytest.raises(InputError):
        asyncio.run(accounts.users.set_language(ada.id, 'de"><script>'))
    with pytest.raises(InputError):
        asyncio.run(accounts.users.set_theme(ada.id, "pink"))


def test_hashes_are_in_no_representation(accounts: Accounts, ada: User) -> None:
    assert "scrypt" not in repr(ada)
    assert "scrypt" not in repr(accounts)
