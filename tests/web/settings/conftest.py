"""A claimed device with a small household: Ada is the admin, Bob a user, Gus a guest."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.chat.conversations import Conversations
from agent.chat.messages import Messages
from agent.security.accounts import Accounts
from agent.store import Store
from tests.web.daemon import Daemon, daemon

PASSWORD = "correct horse"  # noqa: S105 - of nobody


@contextmanager
def opened(state: Path) -> Iterator[Store]:
    """Open app.db beside the daemon, as the command line does."""
    state.mkdir(parents=True, exist_ok=True)
    store = Store(state / "app.db")
    store.open()
    yield store
    store.close()


def settle(state: Path) -> None:
    """Make the accounts, as `edgewise users add` does."""

    async def add(accounts: Accounts) -> None:
        for name, role in (("Ada", "admin"), ("Bob", "user"), ("Gus", "guest")):
            await accounts.users.add(name, PASSWORD, role)

    with opened(state) as store:
        asyncio.run(add(Accounts.on(store, state)))


async def talk(store: Store, name: str) -> None:
    """Keep a conversation of somebody's, with a question in it."""
    user_id = await _id(store, name)
    conversation = await Conversations(store).create(user_id, title="A talk")
    await Messages(store).append(user_id, conversation.id, parent_id=None, role="user", text="Hello?", state="sent")


async def talks(store: Store, name: str) -> int:
    """Return how many conversations somebody has."""
    return len(await Conversations(store).listed(await _id(store, name)))


async def _id(store: Store, name: str) -> str:
    user = await Accounts.on(store, store.path.parent).users.find(name)
    assert user
    return user.id


@pytest.fixture(scope="module")
def household_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of that daemon."""
    return tmp_path_factory.mktemp("household")


@pytest.fixture(scope="module")
def household(household_state: Path) -> Iterator[Daemon]:
    """A daemon with the echo engine and the accounts, for all tests of a module."""
    settle(household_state)
    with daemon(household_state, "--auth", "accounts", ready=False) as running:
        yield running
