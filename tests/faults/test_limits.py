"""The kernel gives a daemon no more files or memory: it turns people away or ends, and does not hang."""

import random
import resource
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.faults.device import device
from tests.faults.table import Table
from tests.web.daemon import TRUST, chat, eventually

LEFT = 10  # files that the daemon may open beside those that it has
CLIENTS = 60
SECONDS = 8.0  # for which memory is short
PATIENCE = 5.0  # seconds of a client, and for each of its requests


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


def data_bytes(pid: int) -> int:
    """Return what the kernel counts of a process towards RLIMIT_DATA."""
    return 1024 * int(Path(f"/proc/{pid}/status").read_text().partition("VmData:")[2].split()[0])


def press(url: str, end: float, number: int) -> None:
    """Want pages, answers and room for large bodies until a moment, whatever comes of it."""
    chance = random.Random(number)  # noqa: S311 - no secret
    with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False, verify=TRUST) as client:
        wishes: list[Callable[[], object]] = [
            *(partial(client.get, page) for page in ("/", "/models", "/device")),
            *(partial(client.post, "/v1/chat/completions", json=chat(text)) for text in ("hello", "hello " * 300_000)),
            partial(client.post, "/c", data={"text": "x" * 1_000_000}, headers={"Origin": url}),
        ]
        while time.monotonic() < end:
            with suppress(httpx.HTTPError):
                chance.choice(wishes)()
                continue
            time.sleep(0.2)  # it is gone, or about to


@pytest.mark.chaos
@pytest.mark.parametrize("left", [8, 32, 64])
def test_a_daemon_without_memory_serves_or_ends_and_does_not_hang(left: int, state: Path, table: Table) -> None:
    with device(state) as device_:
        device_.answers(10)
        kept = device_.daemon.http.post("/c", data={"text": "before"}, headers={"Origin": device_.daemon.url})
        place = kept.headers["location"].partition("#")[0]
        pid = device_.daemon.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_DATA)
        resource.prlimit(pid, resource.RLIMIT_DATA, (data_bytes(pid) + (left << 20), limits[1]))
        end = time.monotonic() + SECONDS
        with ThreadPoolExecutor(30) as people:
            list(people.map(partial(press, device_.daemon.url, end), range(30)))
        ended = device_.daemon.process.poll() is not None
        if ended:  # as systemd does
            device_.start()
        else:
            resource.prlimit(pid, resource.RLIMIT_DATA, limits)
        began = time.monotonic()
        with httpx.Client(base_url=device_.daemon.url, timeout=20, trust_env=False, verify=TRUST) as fresh:
            eventually(lambda: "before" in fresh.get(place).text, 10)
        told = f"{left} MiB left, daemon {'ends and starts' if ended else 'lives'}: seconds to a page"
        table.add(told, time.monotonic() - began)
