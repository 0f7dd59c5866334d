"""app.db: users, sessions, keys, conversations. SQLite through sqlite-utils.

A connection belongs to one thread, so there are two threads: one writes, one reads. In WAL mode they do not wait for
each other, and the command line may open the same file beside a running daemon.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from agent.errors import StoreError
from agent.phrase import Phrase
from agent.schema import migrations

T = TypeVar("T")

_BUSY_MILLISECONDS = 5000  # patience with another process that writes
_JOURNAL_BYTES = 4 * 1024 * 1024  # what the write-ahead log is cut down to


class Store:
    """The database. Open it once, close it at the end; queries and changes are functions of a `Database`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="app.db writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="app.db reader")
        self._connections: dict[ThreadPoolExecutor, Database] = {}

    def open(self) -> None:
        """Create the file if there is none, and bring it up to date.

        Raises:
            StoreError: it cannot be opened, or is no database.
        """
        self._writer.submit(self._connect, self._writer, migrate=True).result()
        self._reader.submit(self._connect, self._reader, migrate=False).result()

    async def read(self, query: Callable[[Database], T]) -> T:
        """Return what `query` finds; it runs in the reading thread and must not write.

        Raises:
            StoreError: the database cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._run, self._reader, query)

    async def write(self, change: Callable[[Database], T]) -> T:
        """Run `change` in the writing thread as one transaction: all of it, or nothing when it raises.

        Raises:
            StoreError: the database cannot be written, for example because the disk is full.
        """
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._change, change)

    async def answer(self) -> None:
        """Return as soon as the writing thread has done what it was given so far."""
        await asyncio.get_running_loop().run_in_executor(self._writer, lambda: None)

    def close(self) -> None:
        """End both threads, and their connections with them; what was begun is finished first."""
        for executor, database in self._connections.items():
            executor.submit(database.close)
        for executor in (self._reader, self._writer):
            executor.shutdown()

    def _connect(self, executor: ThreadPoolExecutor, *, migrate: bool) -> None:
        try:
            self.path.parent.mkdir(0o700, parents=True, exist_ok=True)
            self._create()
            database = Database(self.path)
            for pragma in (
                f"busy_timeout={_BUSY_MILLISECONDS}",
                "journal_mode=WAL",
                "synchronous=NORMAL",
                f"journal_size_limit={_JOURNAL_BYTES}",
                "temp_store=MEMORY",
                "foreign_keys=ON",
            ):
                database.execute(f"PRAGMA {pragma}")
            if migrate:
                migrations.apply(database)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                Phrase("errors.store_unopened", "{place} cannot be opened: {error}.", place=self.path, error=error),
                hint=Phrase(
                    "errors.store_unopened_hint",
                    "If the file is damaged, move it away and restore a backup; Edgewise makes a new one.",
                ),
            ) from error
        self._connections[executor] = database

    def _create(self) -> None:
        """Make an empty file that nobody else can read: it will have password hashes and chats in it.

        One that exists is never opened here. Closing it would drop the locks that SQLite holds in this process (POSIX),
        and another process would delete the write-ahead log that we go on writing to.
        """
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))

    def _run(self, executor: ThreadPoolExecutor, work: Callable[[Database], T]) -> T:
        try:
            return work(self._connections[executor])
        except sqlite3.Error as error:
            raise StoreError(
                Phrase("errors.store_failed", "{place} could not be used: {error}.", place=self.path.name, error=error),
                hint=Phrase(
                    "errors.store_failed_hint",
                    "Is there room on the disk, and is {folder} writable?",
                    folder=self.path.parent,
                ),
            ) from error

    def _change(self, change: Callable[[Database], T]) -> T:
        def atomically(database: Database) -> T:
            with database.conn:
                database.execute("BEGIN IMMEDIATE")  # else another process may write between our reads and writes
                return change(database)

        return self._run(self._writer, atomically)
