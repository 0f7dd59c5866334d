"""One run of the embedding process, seen from the daemon: loading, requests, the end."""

import asyncio
import itertools
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agent.embeddings import frames
from agent.errors import ContextOverflowError, EdgewiseError, EngineDiedError, EngineUnavailableError, RequestError
from agent.inference.child import Child

logger = logging.getLogger(__name__)

_ENVIRONMENT = {"ORT_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
_GRACE = 1.0  # seconds for the process to end by itself
_DECODER = msgspec.msgpack.Decoder(frames.FromEncoder)


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a request brought: for each text a vector of 32-bit floats, little-endian; tokens of all texts."""

    data: list[bytes]
    tokens: int


@dataclass(slots=True)
class _Request:
    data: list[bytes]
    done: asyncio.Future[Vectors]
    tokens: int = 0
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = len(self.data)

    def add(self, frame: frames.Embedded) -> None:
        size = len(frame.vectors) // len(frame.places)
        for index, place in enumerate(frame.places):
            self.data[place] = frame.vectors[index * size : (index + 1) * size]
        self.tokens += frame.tokens
        self.left -= len(frame.places)
        if not self.left and not self.done.done():
            self.done.set_result(Vectors(self.data, self.tokens))


class EncoderProcess:
    """A process with one model.

    Attributes:
        alive: whether it takes requests.
        heard: when it gave its last sign of life, on the clock of `time.monotonic`.
    """

    def __init__(self) -> None:
        self.alive = False
        self.heard = time.monotonic()
        self._child = Child(self._receive, _DECODER)
        self._numbers = itertools.count(1)
        self._requests: dict[int, _Request] = {}
        self._loaded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._end: asyncio.Task[None] | None = None

    async def load(self, folder: Path, threads: int, environment: Mapping[str, str]) -> None:
        """Start the process and load the model in a folder.

        Raises:
            EngineUnavailableError: the model cannot be loaded.
        """
        await self._child.spawn("agent.embeddings.worker", [], {**environment, **_ENVIRONMENT})
        self._end = asyncio.create_task(self._until_end(), name="embedding process")
        self._child.send(frames.Load(str(folder), threads))
        await self._loaded
        self.alive = True

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def memory(self) -> int:
        """Return the bytes that its end would set free."""
        return self._child.memory()

    @property
    def busy(self) -> bool:
        """Whether it has anything to do."""
        return bool(self._requests)

    async def embed(self, texts: frames.Texts, *, truncate: bool) -> Vectors:
        """Turn texts into vectors; whoever is cancelled here frees the process for others.

        Raises:
            RequestError: a text cannot be used.
            EngineDiedError: the process ended before it was done.
        """
        if not self._requests:
            self.heard = time.monotonic()
        number = next(self._numbers)
        request = _Request([b""] * len(texts), asyncio.get_running_loop().create_future())
        self._requests[number] = request
        self._child.send(frames.Embed(number, texts, truncate))
        try:
            return await request.done
        except asyncio.CancelledError:
            self._child.send(frames.Cancel(number))
            raise
        finally:
            del self._requests[number]

    def kill(self) -> None:
        """End it at once; those who wait are told."""
        self._child.kill()

    async def stop(self) -> None:
        """End it."""
        self.alive = False
        if self._end is not None:
            await self._child.stop(_GRACE)
            await self._end

    async def _until_end(self) -> None:
        """Tell everyone who waits when the process ends, and how."""
        how = await self._child.ended()
        self.alive = False
        if not self._loaded.done():
            self._loaded.set_exception(
                EngineUnavailableError(f"The embedding process {how} while it loaded the model.")
            )
        if self._requests:
            message = f"The embedding process {how} while it worked on this."
            logger.error("%s", message)
            self._fail(EngineDiedError(message, hint="It is started again by the next request; ask again."))

    def _fail(self, error: EdgewiseError) -> None:
        for request in self._requests.values():
            if not request.done.done():
                request.done.set_exception(error)

    def _receive(self, frame: frames.FromEncoder) -> None:
        self.heard = time.monotonic()
        match frame:
            case frames.Loaded(seconds=seconds):
                logger.info("Loaded the embedding model in %.2f s", seconds)
                self._loaded.set_result(None)
            case frames.LoadFailed(message=message, hint=hint):
                self._loaded.set_exception(EngineUnavailableError(message, hint=hint))
            case frames.Embedded(id=number) if request := self._requests.get(number):
                request.add(frame)
            case frames.Refused(id=number) if request := self._requests.get(number):
                kind = ContextOverflowError if frame.too_long else RequestError
                if not request.done.done():
                    request.done.set_exception(kind(frame.message, param="input", hint=frame.hint))
