"""docs/storage.md names every file that a daemon writes."""

import fnmatch
import re
import signal
from pathlib import Path

from tests.web.daemon import daemon, eventually

PAGE = Path(__file__).parents[2] / "docs" / "storage.md"


def named() -> list[str]:
    """Return the patterns in the first column of the table."""
    rows = PAGE.read_text(encoding="utf-8").partition("## What is written")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in rows.splitlines() if line.startswith("| `")]
    return [pattern for cell in cells for pattern in re.findall(r"`([^`]+)`", cell)]


def unnamed(state: Path) -> list[str]:
    files = [path.relative_to(state).as_posix() for path in state.rglob("*") if path.is_file()]
    return [file for file in files if file != "log" and not any(fnmatch.fnmatch(file, name) for name in named())]


def test_every_file_that_a_daemon_writes_is_named(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with daemon(state, "--tls", "self", "--mqtt-url", "mqtt://127.0.0.1:9", ready=False) as running:
        eventually((state / "outbox.db").exists, 20)
        assert not unnamed(state)
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(20)
    assert not unnamed(state)
    assert {"app.db", "outbox.db", "tls-key.pem", "wear.json"} <= {path.name for path in state.iterdir()}
    assert not (state / "app.db-wal").exists()


def test_the_table_is_not_so_wide_that_everything_fits() -> None:
    assert not any(fnmatch.fnmatch("surprise.log", name) or fnmatch.fnmatch("tmp/x", name) for name in named())
