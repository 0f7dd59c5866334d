"""The real daemon in a process of its own, and what tests want from it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import openai

from agent.config import Config

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from agent.cli import main; main()", "run"]
CHAT = "/v1/chat/completions"
NOWHERE = "http://127.0.0.1:9"  # nobody listens at the port "discard"
TRUST = httpx.create_ssl_context()  # of all clients: to read the authorities takes longer than a test


class Daemon:
    """A running daemon: its process, and an HTTP client for it."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=20, trust_env=False, verify=TRUST)

    def post(self, body: object, path: str = CHAT, **headers: str) -> httpx.Response:
        """Send a request body, as JSON unless it is bytes."""
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.http.post(path, content=data, headers=headers)

    def ask(self, text: str, **fields: object) -> httpx.Response:
        """Send one user message."""
        return self.post(chat(text, **fields))

    def send(self, body: object, path: str = CHAT) -> socket.socket:
        """Send a request on a connection of its own and return that, with nothing read."""
        data = msgspec.json.encode(body)
        connection = socket.create_connection((self.http.base_url.host, self.http.base_url.port))
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)
        return connection

    def events(self, body: object, path: str = CHAT) -> list[Any]:
        """Return the events of a streamed reply; `[DONE]` as it stands, the others decoded."""
        lines = self.post(body, path).text.split("\n\n")
        assert lines.pop() == "", "the last event ends with an empty line too"
        data = [line.removeprefix("data: ") for line in lines if not line.startswith(":")]
        return [line if line == "[DONE]" else msgspec.json.decode(line) for line in data]

    def openai(self) -> openai.OpenAI:
        """Return a client that does not try again by itself."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0, timeout=20)

    def health(self) -> Any:  # noqa: ANN401 - JSON
        """Return what the daemon says about itself."""
        return self.http.get("/healthz").json()

    def active(self) -> int:
        """Return how many requests are being answered or waiting."""
        return int(self.health().get("active", 0))

    def engine(self) -> int:
        """Return the process id of the engine."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert len(children) == 1
        return int(children[0])

    def wait_until_ready(self, seconds: float = 30) -> None:
        """Wait until the model is loaded."""
        eventually(lambda: self.http.get("/healthz").status_code == 200, seconds)


def chat(text: str, **fields: object) -> dict[str, Any]:
    """Return the body of a request with one user message."""
    return {"messages": [{"role": "user", "content": text}], **fields}


def eventually(condition: Any, seconds: float) -> None:  # noqa: ANN401 - a function or a bound method
    """Wait for a condition; fail after some seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


def command(state: Path, *flags: str) -> list[str]:
    """Return the command line of a daemon with the echo engine on a free port, unless the flags say otherwise.

    Everybody may do everything: a test of who may not passes `--auth accounts`. It does not use the network: a test
    that wants it to names a hub of its own.
    """
    network = [] if "--hf-endpoint" in flags else ["--offline"]
    door = [] if "--auth" in flags else ["--auth", "open"]
    host = [] if "--host" in flags else ["--host", "127.0.0.1"]
    return [*COMMAND, "--engine", "echo", "--port", "0", "--state-dir", str(state), *host, *door, *network, *flags]


def offline(state: Path) -> Config:
    """Return the settings of such a daemon, to prepare its state directory with."""
    return Config(state_dir=state, offline=True)


def environment(home: Path) -> dict[str, str]:
    """Return an environment without settings of this machine, in which no hub can be reached."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("EDGEWISE_", "HF_", "XDG_"))}
    return {**kept, "HOME": str(home), "HF_ENDPOINT": NOWHERE, "PIP_INDEX_URL": NOWHERE}


@contextmanager
def daemon(state: Path, *flags: str, ready: bool = True) -> Iterator[Daemon]:
    """Run a daemon while the block runs; its log is the file `log` in the state directory."""
    state.mkdir(exist_ok=True)
    with (state / "log").open("w") as log:
        process = subprocess.Popen(
            command(state, *flags), cwd=ROOT, env=environment(state), stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        running = Daemon(process, _listening(process, state))
        with closing(running.http):
            if ready:
                running.wait_until_ready()
            yield running
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def _listening(process: subprocess.Popen[str], state: Path) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"https?://\S+", line)
    assert found, f"{line}{(state / 'log').read_text()}"
    return found[0]
