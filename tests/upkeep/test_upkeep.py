"""Storage care in a running node: what is due is done, and what is found is told."""

import asyncio
import re
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from agent.errors import StoreError
from agent.node import Node
from agent.store import Store
from agent.telemetry.watch import Watch
from agent.upkeep import tending, upkeep
from agent.upkeep.recovery import slim
from tests.upkeep.databases import change, fill, messages, one, pages_of, say, tear, zero_pages
from tests.web.door.house import house


def on(state: Path, scenario: Callable[[Node], Awaitable[None]], **settings: object) -> None:
    """Run a scenario on a device for which it is long after the start, and quiet."""

    async def life() -> None:
        async with house(state, **settings) as device:
            await asyncio.sleep(0)  # its own first look
            device.node.upkeep._began -= 2 * 86_400
            device.node.upkeep._active -= 3600
            await scenario(device.node)

    asyncio.run(life())


def test_a_quiet_look_copies_and_tidies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_PAUSE", 0.0)
    path = fill(tmp_path, conversations=30)

    async def scenario(node: Node) -> None:
        await node.store.write(lambda database: database.execute("DELETE FROM conversations WHERE id != 'c0'"))
        before = path.stat().st_size
        await node.upkeep.look()
        assert path.stat().st_size < 0.8 * before  # the index for searching goes on with room of its own
        assert path.with_name("app.db-wal").stat().st_size == 0
        assert len(messages(node.upkeep.backups.all()[0])) == 20
        made = node.upkeep.backups.newest()
        await node.upkeep.look()
        assert node.upkeep.backups.newest() == made, "a day is not over"

    on(tmp_path, scenario)


def test_nothing_that_takes_time_is_done_while_somebody_is_answered(tmp_path: Path) -> None:
    async def scenario(node: Node) -> None:
        node.upkeep._active += 3600
        node.upkeep._began += 2 * 86_400 - 400
        await node.upkeep.look()
        assert node.upkeep.backups.all() == []

    on(tmp_path, scenario)


def test_memory_that_is_free_goes_back_also_while_somebody_is_answered(tmp_path: Path) -> None:
    async def scenario(node: Node) -> None:
        node.upkeep._active += 3600
        blocks = [bytes(60_000) for _ in range(500)]
        above = bytes(60_000)  # keeps what is below from being given back by itself
        blocks.clear()
        before = _own()
        await node.upkeep.look()
        assert before - _own() > 20, "MiB of 28"
        del above

    on(tmp_path, scenario)


def _own() -> float:
    """Return the MiB of memory that are this process's own."""
    found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


def test_no_copies_are_made_when_nobody_wants_them(tmp_path: Path) -> None:
    async def scenario(node: Node) -> None:
        await node.upkeep.look()
        assert node.upkeep.backups.all() == []

    on(tmp_path, scenario, backups=False)


def test_damage_that_shows_while_it_runs_is_repaired_by_the_next_start(tmp_path: Path) -> None:
    path = fill(tmp_path, conversations=10)
    page = pages_of(path, "messages")[5]

    async def first(node: Node) -> None:
        await node.upkeep.look()
        zero_pages(path, page)
        with pytest.raises(StoreError):
            await node.store.read(
                lambda database: database.execute("SELECT sum(length(text)) FROM messages").fetchall()
            )
        assert [happened.event for happened in node.upkeep.news.all()] == ["app_db_damaged"]
        assert (tmp_path / "app.db.damaged").exists()

    async def second(node: Node) -> None:
        assert node.upkeep.recovered is not None
        assert node.upkeep.recovered.origin == "backup"
        assert not (tmp_path / "app.db.damaged").exists()

    on(tmp_path, first)
    on(tmp_path, second)
    assert len(messages(path)) == 200


@pytest.mark.parametrize(
    ("supervised", "uptime", "idle", "ends"),
    [(True, 4000, 90, True), (False, 4000, 90, False), (True, 3000, 90, False), (True, 4000, 30, False)],
)
def test_a_service_ends_when_nobody_is_there_so_that_damage_is_repaired(
    tmp_path: Path, *, supervised: bool, uptime: float, idle: float, ends: bool
) -> None:
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))

    async def scenario(node: Node) -> None:
        node.supervised = supervised
        node.upkeep.damaged(sqlite3.DatabaseError("database disk image is malformed"))
        node.upkeep._began = time.monotonic() - uptime
        node.upkeep._active = time.monotonic() - idle
        await node.upkeep.look()
        assert bool(told) == ends

    try:
        on(tmp_path, scenario)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_damaged_index_for_searching_is_made_anew(tmp_path: Path) -> None:
    path = fill(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE messages_search_data SET block = randomblob(length(block)) WHERE id > 10")

    async def scenario(node: Node) -> None:
        with pytest.raises(StoreError):
            await node.store.write(lambda database: database.execute("DELETE FROM messages"))
        await node.upkeep.look()
        await node.store.write(lambda database: say(database, "c0", "new", "findable"))
        found = await node.store.read(
            lambda database: database.execute("SELECT count(*) FROM messages_search('findable')").fetchone()
        )
        assert found == (1,)

    on(tmp_path, scenario)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param("x'00000001ffff'", id="cut off"),
        pytest.param("x'0000000101010101ffffff7f'", id="with 2^28 segments: SQLite is out of memory"),
        pytest.param("randomblob(length(block))", id="random"),
    ],
)
def test_an_index_that_cannot_even_be_opened_is_repaired_by_the_next_start(tmp_path: Path, block: str) -> None:
    path = fill(tmp_path)
    change(path, f"UPDATE messages_search_data SET block = {block} WHERE id = 10")  # noqa: S608 - ours

    async def first(node: Node) -> None:
        with pytest.raises(StoreError):
            await node.store.write(lambda database: say(database, "c0", "new"))
        await node.upkeep.look()

    async def second(node: Node) -> None:
        await node.store.write(lambda database: say(database, "c0", "new"))

    on(tmp_path, first)
    on(tmp_path, second)
    assert len(messages(path)) == 61


def test_what_the_start_has_brought_is_told_once(tmp_path: Path) -> None:
    tear(fill(tmp_path), at=0, bytes_=b"x" * 100)
    watch = Watch()

    async def scenario(node: Node) -> None:
        reading = node.reading()
        assert [name for name, _ in watch.look(reading)] == ["app_db_replaced"]
        assert list(watch.look(reading)) == []

    on(tmp_path, scenario)


def test_a_new_file_gives_back_what_is_deleted_in_steps(tmp_path: Path) -> None:
    path = fill(tmp_path, conversations=20)
    change(path, "PRAGMA foreign_keys=ON", "DELETE FROM conversations")
    with closing(Database(path)) as database:
        free = tending.unused(database)
        assert tending.give_back(database, 8)
        assert free - tending.unused(database) == 8 * 4096
        while tending.give_back(database):
            pass
        assert tending.unused(database) == 0


def test_an_old_file_is_written_anew_only_when_it_is_mostly_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "_REWRITE_BYTES", 100_000)
    path = fill(tmp_path, conversations=20)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in ("PRAGMA journal_mode=DELETE", "PRAGMA auto_vacuum=NONE", "VACUUM"):
            connection.execute(statement)
    before = path.stat().st_size
    slim(path)
    assert path.stat().st_size == before
    rebuild = "INSERT INTO messages_search (messages_search) VALUES ('rebuild')"
    change(path, "PRAGMA foreign_keys=ON", "DELETE FROM conversations WHERE id != 'c3'", rebuild)
    slim(path)
    assert path.stat().st_size < before / 4
    assert one(path, "PRAGMA auto_vacuum") == 2
    store = Store(path)
    store.open()
    store.close()
    assert len(messages(path)) == 20


def test_a_checkpoint_waits_for_nobody(tmp_path: Path) -> None:
    path = fill(tmp_path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader, closing(Database(path)) as database:
        database.execute("PRAGMA busy_timeout=30000")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()
        with database.conn:
            say(database, "c0", "new")
        tending.checkpoint(database)  # would take 30 s, and fail the test's own limit twice over
        assert one(path, "SELECT count(*) FROM messages") == 61
        reader.execute("COMMIT")
        tending.checkpoint(database)
        assert path.with_name("app.db-wal").stat().st_size == 0
        assert database.execute("PRAGMA busy_timeout").fetchone() == (30000,)
