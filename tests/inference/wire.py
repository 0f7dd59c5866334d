"""The daemon's end of the socket of a real engine process, frame by frame."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from agent.engines import ModelInfo, Sampling
from agent.inference import frames
from agent.plan import Plan

PATIENCE = 10.0  # seconds; only a failing test waits so long


class Wire:
    """Sends frames to an engine process and receives its frames."""

    def __init__(self, ours: socket.socket, process: "subprocess.Popen[bytes]") -> None:
        self.socket = ours
        self.process = process
        self._buffer = frames.FrameBuffer()
        self._frames: list[frames.FromEngine] = []

    def send(self, *sent: frames.ToEngine) -> None:
        """Send frames, all in one go."""
        self.socket.sendall(b"".join(frames.encode(frame) for frame in sent))

    def receive(self) -> frames.FromEngine:
        """Return the next frame.

        Raises:
            EOFError: the process has closed the socket.
        """
        while not self._frames:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError
            self._frames += [msgspec.msgpack.decode(body, type=frames.FromEngine) for body in self._buffer.feed(data)]
        return self._frames.pop(0)

    def load(self, path: Path | None = None, context: int = 4096, parallel: int = 2) -> ModelInfo:
        """Load a model; returns what is loaded."""
        self.send(frames.Load(str(path or ""), Plan(context, parallel, 1, 64), extra_buffers=True))
        while True:
            match self.receive():
                case frames.Loaded(info=info):
                    return info
                case frames.LoadFailed(message=message):
                    raise AssertionError(message)

    def until(self, kind: type, number: int) -> list[frames.Event]:
        """Return the events up to the first of a kind for a request."""
        events: list[frames.Event] = []
        while not any(isinstance(event, kind) and event.id == number for event in events):
            frame = self.receive()
            assert isinstance(frame, frames.Events)
            events += frame.events
        return events

    def ask(self, *requests: frames.Generate) -> dict[int, list[frames.Event]]:
        """Send requests and return the events of each, until all are over."""
        self.send(*requests)
        return self.finish(*[request.id for request in requests])

    def finish(self, *numbers: int) -> dict[int, list[frames.Event]]:
        """Return the events of each of these requests, until all are over."""
        events: dict[int, list[frames.Event]] = {number: [] for number in numbers}
        while not all(got and isinstance(got[-1], frames.Finished | frames.Failed) for got in events.values()):
            frame = self.receive()
            assert isinstance(frame, frames.Events)
            for event in frame.events:
                if event.id in events:
                    events[event.id].append(event)
        return events

    def ended(self, within: float) -> int:
        """Return the exit status of the process, which must end in this many seconds."""
        return self.process.wait(timeout=within)


@contextmanager
def engine_process(engine: str = "echo") -> Iterator[Wire]:
    """Run an engine process; nothing is left of it afterwards."""
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE)
    command = [sys.executable, "-m", "agent.inference.worker", "--fd", str(theirs.fileno()), "--engine", engine]
    with ours, theirs:
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.PIPE)
        theirs.close()
        with process:
            try:
                yield Wire(ours, process)
            finally:
                process.kill()


def chat(number: int, text: str, sampling: Sampling | None = None, **options: Any) -> frames.Generate:  # noqa: ANN401
    """Return a request with one user message; the echo engine answers with it or does what it says."""
    return frames.Generate(number, sampling or Sampling(), messages=[{"role": "user", "content": text}], **options)


def text_of(events: list[frames.Event]) -> str:
    """Return the text of an answer."""
    return "".join(event.text for event in events if isinstance(event, frames.Delta))


def end_of(events: list[frames.Event]) -> frames.Finished:
    """Return how an answer ended."""
    assert isinstance(events[-1], frames.Finished), events[-1]
    return events[-1]


def failure_of(events: list[frames.Event]) -> frames.Failed:
    """Return how a request failed."""
    assert isinstance(events[-1], frames.Failed), events[-1]
    return events[-1]


def wait_until(condition: Any, within: float) -> None:  # noqa: ANN401 - any callable
    """Wait for something that takes a moment."""
    limit = time.monotonic() + within
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.01)
