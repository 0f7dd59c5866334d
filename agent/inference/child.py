"""One run of a child process, seen from the daemon."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from agent.inference import frames
from agent.inference.starting import ENGINE_SOCKET
from agent.inference.unit import UnitProcess

logger = logging.getLogger(__name__)

# Compute threads that wait for each other spin for a moment, then sleep. libgomp's own default spins for milliseconds:
# whenever another program takes a core, all threads burn theirs while they wait (numbers in docs/benchmarks.md).
# ggml answers an abort by having a debugger write all stacks, with what is on them, where one is installed: that takes
# seconds, in which everybody waits, and puts into the log what does not belong there.
_USUAL = {"GOMP_SPINCOUNT": "300", "GGML_NO_BACKTRACE": "1"}


F = TypeVar("F")


class Child(asyncio.Protocol, Generic[F]):
    """A process of our own at the other end of a socket pair, from which frames of type `F` come.

    `on_frame` is called for each frame it sends; `ended` is done when the socket is closed and the process is gone,
    with the way it ended in words.
    """

    def __init__(self, on_frame: Callable[[F], None], decoder: msgspec.msgpack.Decoder[F]) -> None:
        self._on_frame = on_frame
        self._buffer = frames.FrameBuffer()
        self._decoder = decoder
        self._lost = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport
        self._process: asyncio.subprocess.Process | UnitProcess

    async def spawn(self, module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start `python -m module --fd N` with more arguments, and connect to it.

        Raises:
            EngineError: the environment names a unit that is to start it, and that does not.
        """
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - the standard library's signature
        with theirs:
            transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
            transport.pause_reading()  # it may say something before we know its process
            try:
                self._process = await _start(module, arguments, environment, theirs.fileno())
            except BaseException:  # cancelled, or there is no such program
                transport.close()
                raise
        transport.resume_reading()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def memory(self) -> int:
        """Return the bytes that the end of the process would set free; 0 when the kernel does not say.

        Pages of a mapped model file are not among them: the kernel counts those as available already.
        """
        return self._status("RssAnon:")

    def peak_memory(self) -> int:
        """Return the most bytes that were resident at once; 0 when the kernel does not say."""
        return self._status("VmHWM:")

    def _status(self, field: str) -> int:
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return 0
        return next((int(line.split()[1]) << 10 for line in lines if line.startswith(field)), 0)

    def send(self, frame: msgspec.Struct) -> None:
        """Send a frame; without effect once the process is gone."""
        if not self._transport.is_closing():
            self._transport.write(frames.encode(frame))

    def kill(self) -> None:
        """End the process at once."""
        if self._process.returncode is None:
            self._process.kill()

    async def ended(self) -> str:
        """Wait for the end; returns how it came, such as `was ended by SIGSEGV`."""
        await asyncio.shield(self._lost)
        try:
            code = await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:  # closed its socket and lives on
            self.kill()
            code = await self._process.wait()
        self._transport.close()
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return "ended" if code == 0 else f"ended with status {code}"

    async def stop(self, grace: float) -> None:
        """Ask the process to end, and kill it after `grace` seconds."""
        self.send(frames.Shutdown())
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (called by asyncio)."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Decode frames and hand them on (called by asyncio)."""
        try:
            for body in self._buffer.feed(data):
                self._on_frame(self._decoder.decode(body))
        except (ValueError, msgspec.MsgspecError):
            logger.exception("A child process sends what is not a frame; it is restarted")
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason adds nothing
        """Note the end (called by asyncio)."""
        if not self._lost.done():
            self._lost.set_result(None)


async def _start(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], descriptor: int
) -> asyncio.subprocess.Process | UnitProcess:
    """Start a process ourselves, or have it started by the unit that the environment names."""
    if ENGINE_SOCKET in environment:
        return await UnitProcess.start(environment[ENGINE_SOCKET], module, arguments, descriptor)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "--fd", str(descriptor), *arguments),
        pass_fds=[descriptor],
        stdin=asyncio.subprocess.DEVNULL,
        env={**_USUAL, **environment},
    )
