"""A real daemon whose databases are torn comes up, keeps its owner and serves."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx

from agent.upkeep.backups import Backups
from tests.upkeep.databases import fill, messages, tear
from tests.web.daemon import daemon


def test_a_torn_database_does_not_keep_the_daemon_down(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    path = fill(state)
    Backups(path).make()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 + 100)
    (state / "outbox.db").write_bytes(random.Random(1).randbytes(20_000))  # noqa: S311 - no secret
    with daemon(state, "--auth", "accounts", "--mqtt-url", "mqtt://127.0.0.1:9") as running:
        assert running.health()["status"] == "ok"
        login = running.http.get("/login", headers={"accept-language": "en"})
        assert login.status_code == httpx.codes.OK, "it has its owner"
        assert list(state.glob("outbox.corrupt-*"))
    log = (state / "log").read_text()
    assert "Traceback" not in log
    assert "app.db was replaced (backup)" in log
    assert len(messages(path)) == 60


def test_without_a_copy_and_without_an_owner_the_code_is_in_the_log(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    tear(fill(state), at=0, bytes_=bytes(60 * 4096))
    with daemon(state, "--auth", "accounts") as running:
        claim = running.http.get("/claim", headers={"accept-language": "en"})
        assert "it has no owner now" in claim.text
    assert "The code to claim it is" in (state / "log").read_text()
    (broken,) = state.glob("app.broken-*.db")
    with closing(sqlite3.connect(f"file:{state / 'app.db'}?mode=ro", uri=True)) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
    assert broken.stat().st_size > 60 * 4096
