"""Accounts on a real database, with a clock that the test moves."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.security.accounts import Accounts
from agent.security.user_table import User
from agent.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty app.db."""
    opened = Store(tmp_path / "app.db")
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def accounts(store: Store, tmp_path: Path) -> Accounts:
    """Accounts of a device that nobody has claimed."""
    return Accounts.on(store, tmp_path)


@pytest.fixture
def ada(accounts: Accounts) -> User:
    """An admin. The password of everybody is `correct horse`."""
    return asyncio.run(accounts.users.add("Ada", "correct horse", "admin"))


@pytest.fixture
def bob(accounts: Accounts, ada: User) -> User:
    """A user; Ada has claimed the device before."""
    assert ada.role == "admin"
    return asyncio.run(accounts.users.add("Bob", "correct horse"))
