"""A device that is wounded: the real daemon as a process, with several lives on one state directory."""

import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx
import msgspec

from tests.web.daemon import CHAT, ROOT, TRUST, Daemon, chat, command, daemon, environment, eventually

SLOW = "!delay 20 !text " + "x" * 300  # six seconds of the echo engine
STORY = "Tell me a very long story about a ship."
END = "2"  # the token <|im_end|> of the starter model, which stories do without


@dataclass
class Reply:
    """What a client got of a stream.

    Attributes:
        text: of the answer.
        error: in words; empty when there was none.
        whole: whether the answer came to its end.
        told: when the last byte came, on the monotonic clock.
    """

    status: int = 0
    text: str = ""
    error: str = ""
    whole: bool = False
    told: float = 0.0

    @property
    def clear(self) -> bool:
        """Whether the client knows how it ended: a whole answer, or an error with a reason."""
        return self.whole != bool(self.error)


class Device:
    """A daemon with flags, started as often as a test wants; whatever is left of it at the end is killed."""

    def __init__(self, state: Path, *flags: str) -> None:
        self.state = state
        self.flags = ("--crash-limit", "0", *flags)  # it dies too often to be left alone
        self.past = ""  # the logs of earlier lives
        self._stack = ExitStack()
        self._running: Daemon | None = None

    @property
    def daemon(self) -> Daemon:
        """The one that runs."""
        assert self._running is not None
        return self._running

    def start(self, *flags: str, ready: bool = True) -> Daemon:
        """Begin another life."""
        self.past += self.log()
        self._running = self._stack.enter_context(daemon(self.state, *self.flags, *flags, ready=ready))
        return self._running

    def nip(self, seconds: float) -> None:
        """Begin another life, and end it so soon that it may not have got anywhere."""
        with (self.state / "log").open("w") as log:
            process = subprocess.Popen(
                command(self.state, *self.flags),
                cwd=ROOT,
                env=environment(self.state),
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        time.sleep(seconds)
        process.kill()
        process.wait(20)

    def kill(self) -> None:
        """End as a power cut would, as far as a process can tell."""
        self.daemon.process.kill()
        self._gone()

    def stop(self) -> int:
        """End in good order; returns the exit status."""
        self.daemon.process.terminate()
        return self._gone()

    def close(self) -> None:
        """Kill what is left."""
        self._stack.close()

    def log(self) -> str:
        """Return what the present life has written down."""
        path = self.state / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def engines(self) -> set[int]:
        """Return the engine processes of all lives that are still there; those that have ended are not."""
        return set(_engines(self.state))

    def engine(self) -> int:
        """Return the engine process."""
        (pid,) = self.engines()
        return pid

    def query(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Ask app.db, from outside."""
        with closing(sqlite3.connect(self.state / "app.db", timeout=10)) as database:
            return list(database.execute(sql, values))

    def wounded(self, text: str = SLOW, count: int = 4, **fields: object) -> "Wounded":
        """Begin `count` streams, and return them once each has got some text."""
        return Wounded(self, text, count, fields)

    def answers(self, seconds: float) -> float:
        """Wait until a question is answered; returns how long that took, to be asked again and again."""
        began = time.monotonic()
        eventually(lambda: self.daemon.ask("next", max_tokens=4).is_success, seconds)
        return time.monotonic() - began

    def _gone(self) -> int:
        status = self.daemon.process.wait(20)
        self.daemon.http.close()
        self._running = None
        return status


@contextmanager
def device(state: Path, *flags: str, ready: bool = True) -> Iterator[Device]:
    """Run a device for the block."""
    state.mkdir(parents=True, exist_ok=True)
    with closing(Device(state, *flags)) as made:
        made.start(ready=ready)
        yield made


@dataclass
class Wounded:
    """Clients in the middle of their answers."""

    device: Device
    text: str
    count: int
    fields: dict[str, object] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.replies = [Reply() for _ in range(self.count)]
        self._pool = ThreadPoolExecutor(self.count)
        url = self.device.daemon.url
        self._futures: list[Future[None]] = [
            self._pool.submit(_stream, url, chat(self.text, stream=True, **self.fields), reply)
            for reply in self.replies
        ]
        eventually(lambda: all(reply.text for reply in self.replies), 60)
        return self

    def told(self, seconds: float) -> list[Reply]:
        """Wait until each client knows how it ended."""
        for future in self._futures:
            future.result(seconds)
        return self.replies

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()


def _stream(url: str, body: object, reply: Reply) -> None:
    data = msgspec.json.encode(body)
    with (
        httpx.Client(base_url=url, timeout=120, trust_env=False, verify=TRUST) as client,
        client.stream("POST", CHAT, content=data) as response,
    ):
        reply.status = response.status_code
        try:
            for line in response.iter_lines():
                _note(line, reply)
        except httpx.HTTPError:  # cut off in the middle: the client is left without a word
            pass
        reply.told = time.monotonic()


def _note(line: str, reply: Reply) -> None:
    if line == "data: [DONE]":
        reply.whole = not reply.error
    elif line.startswith("data: "):
        event = msgspec.json.decode(line.removeprefix("data: "))
        if error := event.get("error"):
            reply.error = error["message"]
        for choice in event.get("choices", []):
            reply.text += choice["delta"].get("content") or ""


def gone(pid: int) -> bool:
    """Tell whether a process has ended; one that nobody has waited for has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def stop_process(pid: int) -> None:
    """Have a process hang."""
    os.kill(pid, signal.SIGSTOP)


def _engines(state: Path) -> Iterator[int]:
    home = f"HOME={state}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = home in (process / "environ").read_bytes().split(b"\0")
            engine = b"agent.inference.worker" in (process / "cmdline").read_bytes()
        except (OSError, ProcessLookupError):
            continue
        if ours and engine and not gone(int(process.name)):
            yield int(process.name)
