"""The daily copies of app.db."""

import os
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from agent.errors import NoRoomError, StoreError
from agent.upkeep import backups as module
from agent.upkeep.backups import AGE, Backups
from agent.upkeep.checking import trouble
from agent.upkeep.copying import copy_database
from tests.upkeep.databases import change, fill, messages, one, zero_pages

HOUR = 3600.0


class Clock:
    """A clock that stands where it is set, and one that never jumps."""

    def __init__(self) -> None:
        self.wall, self.mono = time.time(), 0.0

    def on(self, path: Path) -> Backups:
        return Backups(path, lambda: self.wall, lambda: self.mono)


def test_a_copy_is_sound_and_for_us_alone(tmp_path: Path) -> None:
    path = fill(tmp_path)
    copy = Backups(path).make()
    assert not trouble(copy)
    assert messages(copy) == messages(path)
    assert copy.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in copy.parent.iterdir()] == ["app-1.db"]


def test_two_copies_are_kept_the_newest_first(tmp_path: Path) -> None:
    path = fill(tmp_path)
    backups = Backups(path)
    for number in range(3):
        change(path, f"INSERT OR REPLACE INTO device VALUES ('n', '{number}')")  # noqa: S608 - a number
        backups.make()
    assert [one(copy, "SELECT value FROM device WHERE key = 'n'") for copy in backups.all()] == ["2", "1"]


def test_one_is_due_after_a_day_in_which_something_has_changed(tmp_path: Path) -> None:
    path, clock = fill(tmp_path), Clock()
    backups = clock.on(path)
    assert backups.due(), "there is none yet"
    backups.make()
    assert not backups.due()
    clock.wall += AGE + HOUR
    assert not backups.due(), "nothing has changed"
    change(path, "DELETE FROM presets", "INSERT INTO device VALUES ('x', 'y')")
    os.utime(path, (clock.wall, clock.wall))
    assert backups.due()


def test_a_device_that_was_off_catches_up(tmp_path: Path) -> None:
    path, clock = fill(tmp_path), Clock()
    clock.on(path).make()
    os.utime(path, (clock.wall + HOUR, clock.wall + HOUR))
    clock.wall += 40 * AGE
    assert clock.on(path).due()


def test_a_clock_that_was_set_back_does_not_stop_the_copies(tmp_path: Path) -> None:
    path, clock = fill(tmp_path), Clock()
    backups = clock.on(path)
    backups.make()
    clock.wall = 1000.0
    assert not backups.due()
    clock.mono += AGE
    assert backups.due()
    backups.make()
    assert not backups.due()


def test_a_disk_that_is_nearly_full_gets_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backups = Backups(fill(tmp_path))
    backups.make()
    before = backups.all()[0].read_bytes()
    monkeypatch.setattr(module, "RESERVE", 1 << 60)
    with pytest.raises(NoRoomError, match="no room for a copy"):
        backups.make()
    assert [copy.read_bytes() for copy in backups.all()] == [before]
    assert [entry.name for entry in backups.folder.iterdir()] == ["app-1.db"]


def test_a_copy_of_something_broken_does_not_replace_a_sound_one(tmp_path: Path) -> None:
    path = fill(tmp_path)
    backups = Backups(path)
    backups.make()
    zero_pages(path, 5, 6, 7, 8)
    with pytest.raises(StoreError, match="could not be copied"):
        backups.make()
    assert not trouble(backups.all()[0])


def test_a_copy_is_of_one_moment_and_holds_nobody_up(tmp_path: Path) -> None:
    path = fill(tmp_path, conversations=40)
    worst, written = 0.0, 0
    thread = threading.Thread(target=partial(copy_database, path, tmp_path / "copy.db", rest=0.01))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=NORMAL")
        thread.start()
        while thread.is_alive():
            begun = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO device VALUES (?, ?)", (f"a{written}", "x"))
            connection.execute("INSERT INTO presets VALUES (?, 'ann', ?, '', '{}')", (f"b{written}", "x" * 500))
            connection.execute("COMMIT")
            worst, written = max(worst, time.perf_counter() - begun), written + 1
    thread.join()
    assert written > 3
    rows = "SELECT (SELECT count(*) FROM device WHERE key LIKE 'a%') - (SELECT count(*) FROM presets)"
    assert one(tmp_path / "copy.db", rows) == 0
    assert worst < 1.0
