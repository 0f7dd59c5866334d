"""A database with two users who must never see each other's things."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from agent.store import Store

_USER = "INSERT INTO users (id, name, role, password, created) VALUES (?, ?, 'user', '', 0)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open database with the users `anna` and `bert`."""

    def users(database: Database) -> None:
        for name in ("anna", "bert"):
            database.execute(_USER, (name, name))

    opened = Store(tmp_path / "app.db")
    opened.open()
    asyncio.run(opened.write(users))
    yield opened
    opened.close()
