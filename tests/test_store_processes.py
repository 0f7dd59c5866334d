"""The command line uses app.db beside a running daemon, and neither loses what the other writes."""

import asyncio
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from agent.store import Store

_OTHER = """
import asyncio, sys
from pathlib import Path
from agent.store import Store
store = Store(Path(sys.argv[1]))
store.open()
asyncio.run(store.write(lambda database: database.table("device").insert({"key": sys.argv[2], "value": "theirs"})))
store.close()
"""


def keys(database: Database) -> set[str]:
    return {row["key"] for row in database.query("SELECT key FROM device")}


def inserting(key: str) -> Callable[[Database], object]:
    return lambda database: database.table("device").insert({"key": key, "value": "ours"})


def test_a_process_that_comes_and_goes_does_not_part_us_from_the_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "app.db")
    store.open()
    for name in ("first", "second"):  # after the first, its end must not have taken the write-ahead log along
        subprocess.run([sys.executable, "-c", _OTHER, store.path, name], check=True)
        asyncio.run(store.write(inserting(f"ours after the {name}")))
        assert name in asyncio.run(store.read(keys))
    store.close()
    again = Store(store.path)
    again.open()
    found = asyncio.run(again.read(keys))
    again.close()
    assert found == {"first", "ours after the first", "second", "ours after the second"}


def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "app.db")
    store.open()
    store.close()
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
