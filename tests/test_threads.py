"""No thread is begun while people are served: one that runs out of memory as it begins would hold everybody up."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agent.threads import begun
from tests.web.daemon import daemon, eventually


def named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


def test_all_threads_of_an_executor_are_there_at_once_and_no_more_come() -> None:
    with begun(3, "early") as executor:
        there = named("early")
        assert len(there) == 3
        assert list(executor.map(lambda number: number + 1, range(30))) == list(range(1, 31))
        assert named("early") == there
    assert named("early") == []


def test_a_daemon_has_all_threads_before_anybody_comes(tmp_path: Path) -> None:
    with daemon(tmp_path / "state") as running:
        threads = Path(f"/proc/{running.process.pid}/task")
        before = set(threads.iterdir())
        pages = ("/", "/models", "/device", "/settings", "/logs", "/v1/models") * 10
        with ThreadPoolExecutor(10) as people:
            assert {reply.status_code for reply in people.map(running.http.get, pages)} == {200}
        assert running.ask("hello").is_success
        os.kill(running.engine(), 9)
        eventually(lambda: running.ask("hello").is_success, 20)
        assert set(threads.iterdir()) == before
