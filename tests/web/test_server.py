"""Starting, listening and ending."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from agent.errors import ConfigError
from tests.web.daemon import CHAT, ROOT, Daemon, chat, command, daemon, environment, eventually
from web.server import listen

SLOW = "!delay 20 !text " + "x" * 2000


def test_a_taken_port_is_said_before_anything_starts(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = subprocess.run(
            command(state, "--port", str(port)),
            cwd=ROOT,
            env=environment(state.parent),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert result.returncode == 2
    assert f"Port {port} on 127.0.0.1 is taken by " in result.stderr
    assert "--port" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_said(host: str) -> None:
    with pytest.raises(ConfigError, match=host):
        listen(host, 0)


def test_port_0_takes_a_free_one_and_tells_it(echo: Daemon) -> None:
    assert httpx.URL(echo.url).port != 0
    assert echo.http.get("/").status_code == 200


def test_ipv6_addresses_are_written_in_brackets(state: Path) -> None:
    with daemon(state, "--host", "::1") as running:
        assert running.url.startswith("http://[::1]:")
        assert running.ask("hello").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_within_5_s_and_running_answers_are_told(state: Path, number: signal.Signals) -> None:
    with daemon(state) as running:
        engine = running.engine()
        with running.http.stream("POST", CHAT, json=chat(SLOW, stream=True)) as reply:
            lines = reply.iter_lines()
            next(lines)
            began = time.monotonic()
            running.process.send_signal(number)
            last = [line for line in lines if line][-1]
        assert "shutting down" in last
        assert last.startswith('data: {"error"')
        assert running.process.wait(5) == 0
        assert time.monotonic() - began < 5
        assert not Path(f"/proc/{engine}").exists()


def test_a_client_that_does_not_read_cannot_hold_up_the_end(state: Path) -> None:
    with daemon(state) as running:
        address = (running.http.base_url.host, running.http.base_url.port)
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(address)
            body = httpx.Request("POST", "http://x", json=chat("!count 900", stream=True, n=4)).content
            head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            eventually(lambda: running.active() == 4, 5)
            running.process.send_signal(signal.SIGTERM)
            assert running.process.wait(5) == 0


def test_a_second_signal_ends_the_daemon_at_once(state: Path) -> None:
    with daemon(state) as running:
        os.kill(running.engine(), signal.SIGSTOP)  # it will not end by itself, so that there is something to wait for
        running.process.send_signal(signal.SIGTERM)
        eventually(lambda: not accepts(running), 2)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(1) == -signal.SIGTERM


def accepts(daemon: Daemon) -> bool:
    return daemon.http.get("/healthz").status_code == 200


def test_the_kernel_does_not_hold_back_small_replies(echo: Daemon) -> None:
    began = time.monotonic()
    for _ in range(25):
        assert echo.http.get("/healthz").status_code == 200
    assert time.monotonic() - began < 0.5  # Nagle's algorithm makes it 25 times 40 ms
