"""The kernel gives a daemon no more files: it turns people away, and is as before when there are some again."""

import resource
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.faults.device import device
from tests.faults.table import Table
from tests.web.daemon import TRUST, eventually

LEFT = 10  # files that the daemon may open beside those that it has
CLIENTS = 60


def open_files(pid: int) -> int:
    """Return how many files and connections a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def processor_seconds(pid: int) -> float:
    """Return for how long a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.chaos
def test_a_daemon_without_files_waits_for_some_and_does_not_spin(state: Path, table: Table) -> None:
    with device(state) as device_, ExitStack() as stack:
        device_.answers(10)
        pid, url = device_.daemon.process.pid, device_.daemon.http.base_url
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_files(pid) + LEFT, limits[1]))
        held = [stack.enter_context(socket.create_connection((url.host, url.port or 80))) for _ in range(CLIENTS)]
        before = processor_seconds(pid)
        time.sleep(3)
        busy = processor_seconds(pid) - before
        assert device_.daemon.http.get("/healthz").is_success, "who had a connection has it still"
        for connection in held:
            connection.close()
        began = time.monotonic()
        with httpx.Client(base_url=url, timeout=20, trust_env=False, verify=TRUST) as fresh:
            eventually(lambda: fresh.get("/").is_success, 10)
        table.add("no files left: seconds to a page after 60 clients have gone", time.monotonic() - began)
        assert busy < 1.5
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        assert device_.answers(10) < 2
        assert len(device_.log()) < 20_000
