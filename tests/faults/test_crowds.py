"""More clients than a small computer can serve: each gets an answer or is told to come again, and memory is bounded."""

import asyncio
import socket
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.crowds import Outcome, at_once, look, percentiles, resident, statuses
from tests.faults.device import Device, device
from tests.faults.table import Table
from tests.web.daemon import CHAT, chat, eventually
from tests.web.settings.visiting import forms

CLIENTS = 200
MIB = 1 << 20
BIG = 48 * MIB  # more than any page takes: questions come with four files of 10 MiB
KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
WITH_FILES = ("/c", "/attachments")
PATHS = (
    *WITH_FILES,
    *(CHAT, "/v1/completions", "/v1/embeddings", "/c/measure", "/login", "/settings/device", "/presets"),
    *("/api/edgewise/models/pull", "/api/edgewise/models/use", "/models/pull"),
)


def fared(table: Table, what: str, outcomes: list[Outcome]) -> None:
    """Hold the device to its promises: an answer, or when to come again."""
    counted = statuses(outcomes)
    assert set(counted) <= {200, 429, 503}, counted
    assert counted[200] > 0
    assert all(outcome.retry_after.isdecimal() for outcome in outcomes if outcome.status in {429, 503})
    answered = [outcome.seconds for outcome in outcomes if outcome.status == 200]
    refused = [outcome.seconds for outcome in outcomes if outcome.status != 200]
    table.add(f"{what}: {counted[200]} answered (median, 95 %, most)", *percentiles(answered))
    if refused:
        table.add(f"{what}: {len(refused)} told to come again (median, 95 %, most)", *percentiles(refused))


async def crowd(device_: Device, **body: object) -> tuple[list[Outcome], list[float]]:
    """Ask from many clients at once, while somebody looks at the chat page."""
    url, done = device_.daemon.url, asyncio.Event()
    looking = asyncio.create_task(look(url, "/", done))
    await asyncio.sleep(0.3)
    outcomes = await at_once(url, CLIENTS, chat("hello", **body))
    done.set()
    return outcomes, await looking


def test_two_hundred_clients_at_once_are_answered_or_told_to_come_again(state: Path, table: Table) -> None:
    with device(state) as device_:
        outcomes, pages = asyncio.run(crowd(device_))
        fared(table, "200 clients, echo", outcomes)
        table.add("200 clients, echo: seconds for the chat page meanwhile (median, 95 %, most)", *percentiles(pages))
        assert percentiles(pages)[1] < 2
        assert device_.answers(10) < 2
        assert "Traceback" not in device_.log()


@pytest.mark.chaos
def test_two_hundred_clients_of_a_model_are_answered_or_told_to_come_again(
    state: Path, starter: Path, table: Table
) -> None:
    with device(state, "--engine", "llama_cpp", "--model", str(starter), "--context", "1024") as device_:
        outcomes, pages = asyncio.run(crowd(device_, max_tokens=16))
        fared(table, "200 clients, starter", outcomes)
        table.add("200 clients, starter: seconds for the chat page meanwhile (median, 95 %, most)", *percentiles(pages))
        assert percentiles(pages)[1] < 2
        assert device_.answers(30) < 10


def head(device_: Device, path: str, *lines: str) -> bytes:
    """Return the header of a request as a page of the device would send it."""
    form = next(form for form in forms(device_.daemon.http.get("/").text) if form.action == "/c")
    ours = ("Host: " + device_.daemon.url.partition("//")[2], f"Origin: {device_.daemon.url}")
    token = f"X-CSRF-Token: {form.values['csrf']}"
    return "\r\n".join((f"POST {path} HTTP/1.1", *ours, token, *lines, "", "")).encode()


def send_big(device_: Device, path: str, *lines: str) -> tuple[int, int]:
    """Send a large body in chunks; return the status and how many bytes went out before it came.

    The status is 0 when the device hung up and its answer got lost: that is how TCP treats who goes on sending.
    """
    url, chunk, sent, answer = device_.daemon.http.base_url, b"10000\r\n" + b"a" * 65536 + b"\r\n", 0, b""
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        connection.sendall(head(device_, path, *lines))
        connection.settimeout(0.002)
        rest, end = chunk, time.monotonic() + 20
        while b"\r\n" not in answer and time.monotonic() < end:
            try:
                if sent < BIG:
                    done = connection.send(rest)
                    sent, rest = sent + done, rest[done:] or chunk
                answer += connection.recv(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                return 0, sent
    assert answer, f"{path} says nothing to {lines}"
    return int(answer.split()[1]), sent


@pytest.mark.chaos
def test_a_body_that_is_too_large_is_refused_early_wherever_it_goes_and_leaves_no_memory_taken(
    state: Path, table: Table
) -> None:
    with device(state) as device_:
        device_.answers(10)
        pid = device_.daemon.process.pid
        before, most, seen = resident(pid), 0, {}
        for path in PATHS:
            for kind in KINDS:
                for length in (f"Content-Length: {BIG}", "Transfer-Encoding: chunked"):
                    seen[path, kind, length] = send_big(device_, path, f"Content-Type: {kind}", length)
                    most = max(most, resident(pid))
        sent = max(sent for (path, *_), (_, sent) in seen.items() if path not in WITH_FILES)
        after = resident(pid) - before
        table.add(f"48 MiB to {len(seen)} places: {(most - before) / MIB:.0f} MiB more memory, {after / MIB:.0f} left")
        counted = Counter(status for status, _ in seen.values())
        assert max(counted) < 500, seen
        assert counted[413] > counted.total() / 2, "the others are of a kind that is not even read there"
        assert sent < 24 * MIB, "the limit is 8; the rest lies in sockets"
        assert after < 96 * MIB
        device_.answers(10)


DRIPS = (b"GET / HTTP/1.1\r\nHost: x\r\nX-Story: ", b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")


@pytest.mark.chaos
def test_clients_that_drip_and_that_never_read_cost_little_and_are_gone_in_time(state: Path, table: Table) -> None:
    with device(state) as device_, ExitStack() as stack:
        device_.answers(10)
        url, pid = device_.daemon.http.base_url, device_.daemon.process.pid
        before, began = resident(pid), time.monotonic()
        address = (url.host, url.port or 80)
        drips = [stack.enter_context(socket.create_connection(address)) for _ in range(300)]
        for number, connection in enumerate(drips):
            connection.sendall(DRIPS[number % 2])
        deaf = [
            stack.enter_context(device_.daemon.send(chat("!text " + "x" * 200_000, stream=True))) for _ in range(20)
        ]
        slow = device_.answers(30)
        while open_ones := [connection for connection in drips if drip(connection)]:
            assert time.monotonic() - began < 120, len(open_ones)
            slow = max(slow, device_.answers(10))
            time.sleep(1)
        grown = (resident(pid) - before) / MIB
        table.add(
            f"300 clients that drip: {grown:.0f} MiB more; seconds until they are cut off", time.monotonic() - began
        )
        table.add("300 clients that drip, 20 that never read: seconds for an answer meanwhile", slow)
        assert grown < 64
        assert slow < 15
        assert deaf


def drip(connection: socket.socket) -> bool:
    """Send one more byte; tells whether the other end still listens."""
    try:
        connection.send(b"a")
        return connection.recv(1, socket.MSG_DONTWAIT) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


STREAMS = 2000


@pytest.mark.chaos
def test_two_thousand_streams_are_refused_beyond_two_hundred_and_leave_nothing_behind(
    state: Path, table: Table
) -> None:
    with device(state) as device_:
        device_.answers(10)
        url, pid = device_.daemon.http.base_url, device_.daemon.process.pid
        before, address = resident(pid), (url.host, url.port or 80)
        with ExitStack() as stack:
            opened = [stack.enter_context(socket.create_connection(address)) for _ in range(STREAMS)]
            request = f"GET /events HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n\r\n".encode()
            for connection in opened:
                connection.sendall(request)
            counted = Counter(connection.recv(4096).split()[1] for connection in opened)
            while_open = resident(pid)
            assert set(counted) == {b"200", b"429"}
            assert counted[b"200"] == 200
            seconds = device_.answers(10)
            assert device_.daemon.http.get("/").is_success
        each = (while_open - before) / STREAMS / 1024
        table.add(f"2000 streams, 200 served: {each:.1f} KiB for each; seconds for an answer meanwhile", seconds)
        assert each < 64
        assert seconds < 2
        eventually(lambda: files(pid) < 100, 20)
        assert resident(pid) - before < 64 * MIB
        assert device_.answers(10) < 2
        assert "Traceback" not in device_.log()


def files(pid: int) -> int:
    """Return how many files and connections a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
