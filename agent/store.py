"""app.db: users, sessions, keys, conversations. SQLite through sqlite-utils.

A connection belongs to one thread, so there are two threads: one writes, one reads. In WAL mode they do not wait for
each other, and the command line may open the same file beside a running daemon.
"""

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlite_utils import Database

from agent.errors import StoreError, UnwritableError
from agent.phrase import Phrase
from agent.schema import migrations
from agent.spare import Spare
from agent.storing import failure, is_full, refuses
from agent.upkeep.checking import is_corrupt

logger = logging.getLogger(__name__)

T = TypeVar("T")

_BUSY_MILLISECONDS = 5000  # patience with another process that writes
_SPARE_BYTES = 1 << 20  # for some hundred small changes on a full disk
_OPENING_BYTES = 128 << 10  # what SQLite writes beside a database that it opens, and what comes first after that
_JOURNAL_BYTES = 4 * 1024 * 1024  # what the write-ahead log is cut down to


class Store:
    """The database. Open it once, close it at the end; queries and changes are functions of a `Database`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.on_damage: Callable[[Exception], None] | None = None  # called in one of the threads
        self.unwritable: UnwritableError | None = None  # why the last change was not kept
        self._spare = Spare(path.with_name("spare"), _SPARE_BYTES)
        self._opening = Spare(path.with_name("spare-start"), _OPENING_BYTES)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="app.db writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="app.db reader")
        self._connections: dict[ThreadPoolExecutor, Database] = {}

    def open(self) -> None:
        """Create the file if there is none, and bring it up to date.

        Raises:
            StoreError: it cannot be opened, or is no database.
        """
        while self._writer not in self._connections:
            try:
                self._writer.submit(self._connect, self._writer, migrate=True).result()
            except UnwritableError as error:
                if refuses(self.path.parent):
                    self._open_to_read(error)
                    return
                if not any(spare.give() for spare in (self._opening, self._spare)):  # one at a time
                    raise
        self._reader.submit(self._connect, self._reader, migrate=False).result()
        self._opening.keep()
        self._spare.keep()

    async def read(self, query: Callable[[Database], T]) -> T:
        """Return what `query` finds; it runs in the reading thread and must not write.

        Raises:
            StoreError: the database cannot be read.
        """
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._run, self._reader, query)

    async def write(self, change: Callable[[Database], T], *, helps: bool = False) -> T:
        """Run `change` in the writing thread as one transaction: all of it, or nothing when it raises.

        Args:
            change: what to do; it may be run more than once, each time from the beginning.
            helps: whether it may have the room that is kept for what helps when the disk is full.

        Raises:
            UnwritableError: the disk is full, or can only be read.
            StoreError: the database cannot be written for another reason.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._writer, partial(self._change, change, helps=helps)
        )

    async def tend(self, work: Callable[[Database], T]) -> T:
        """Run `work` in the writing thread, outside a transaction; who writes waits meanwhile.

        Raises:
            StoreError: the database cannot be used.
        """
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._run, self._writer, work)

    async def answer(self) -> None:
        """Return as soon as the writing thread has done what it was given so far."""
        await asyncio.get_running_loop().run_in_executor(self._writer, lambda: None)

    def close(self) -> None:
        """End both threads, and their connections with them; what was begun is finished first."""
        for executor, database in self._connections.items():
            executor.submit(database.close)
        for executor in (self._reader, self._writer):
            executor.shutdown()
        self._opening.keep()  # in place of the write-ahead log, which is gone

    def _connect(self, executor: ThreadPoolExecutor, *, migrate: bool) -> None:
        try:
            self.path.parent.mkdir(0o700, parents=True, exist_ok=True)
            self._create()
            database = Database(self.path)
            for pragma in (
                f"busy_timeout={_BUSY_MILLISECONDS}",
                "auto_vacuum=INCREMENTAL",  # of a new file, before it is in WAL mode
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
            told = failure(error, self.path)
            if isinstance(told, UnwritableError):
                raise told from error
            raise StoreError(
                Phrase("errors.store_unopened", "{place} cannot be opened: {error}.", place=self.path, error=error),
                hint=Phrase(
                    "errors.store_unopened_hint",
                    "If the file is damaged, move it away and restore a backup; Edgewise makes a new one.",
                ),
            ) from error
        self._connections[executor] = database

    def _open_to_read(self, why: UnwritableError) -> None:
        """Open what is there on a disk that nobody may write to: it can be shown, and every change is refused."""
        how = "mode=ro" if self.path.with_name(f"{self.path.name}-wal").exists() else "immutable=1"
        address = f"file:{quote(str(self.path))}?{how}"

        def connect() -> Database:
            database = Database(sqlite3.connect(address, uri=True))
            if migrations.pending(database):
                raise why
            return database

        try:
            for executor in (self._writer, self._reader):
                self._connections[executor] = executor.submit(connect).result()
        except sqlite3.Error as error:
            raise why from error
        self.unwritable = why
        logger.error("%s %s", why.message, why.hint)

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
        except (sqlite3.Error, MemoryError) as error:
            if self.on_damage is not None and (is_corrupt(error) or isinstance(error, MemoryError)):
                self.on_damage(error)
            raise failure(error, self.path) from error

    def _change(self, change: Callable[[Database], T], *, helps: bool) -> T:
        def atomically(database: Database) -> T:
            with database.conn:
                database.execute("BEGIN IMMEDIATE")  # else another process may write between our reads and writes
                return change(database)

        try:
            done = self._run(self._writer, lambda database: self._with_room(atomically, database, helps=helps))
        except UnwritableError as error:
            self.unwritable = error
            raise
        if not helps:
            self.unwritable = None
            if not self._spare.there:
                self._spare.keep()
        return done

    def _with_room(self, change: Callable[[Database], T], database: Database, *, helps: bool) -> T:
        """Run a change; where there is no room for it, in that of the write-ahead log, and then in the spare one."""
        try:
            return change(database)
        except sqlite3.Error as error:
            if not is_full(error, self.path):
                raise
            with contextlib.suppress(sqlite3.Error):
                database.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        try:
            return change(database)
        except sqlite3.Error as error:
            if not (helps and is_full(error, self.path) and self._spare.give()):
                raise
        return change(database)
