"""Embeddings for the whole device: the process is started by the first request and ended when nobody needs it."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from agent.config import Config
from agent.downloads import Downloads
from agent.embeddings.encoder import Encoder
from agent.embeddings.frames import Texts
from agent.embeddings.installed import find, require_installed
from agent.embeddings.listing import EmbeddingModel, listed
from agent.embeddings.process import EncoderProcess, Vectors
from agent.errors import ModelNotFoundError, QueueFullError
from agent.inference.pending import share
from agent.models import ModelStore
from agent.plan import Plan
from agent.waiting import end

logger = logging.getLogger(__name__)

_IDLE = 300.0  # seconds
_LOOK = 1.0  # seconds between two looks at how the process is doing
_FIRST_GUESS = 1.0  # seconds that a request takes, until one was measured
_NEWS = 0.2  # weight of the latest request in the running average
_LONGEST_RETRY = 120  # seconds


class Host(Protocol):
    """What is needed of the node."""

    config: Config
    models: ModelStore
    downloads: Downloads

    @property
    def plan(self) -> Plan | None:
        """How the language model runs."""


class Embeddings:
    """Turns texts into vectors.

    Args:
        host: the node.
        environment: for the process.
        idle: seconds without a request after which the process is ended.
    """

    def __init__(self, host: Host, environment: Mapping[str, str], *, idle: float = _IDLE) -> None:
        self._host = host
        self._environment = environment
        self._idle = idle
        self._process: EncoderProcess | None = None
        self._starting: asyncio.Task[EncoderProcess] | None = None
        self._tending: asyncio.Task[None] | None = None
        self._waiting: Counter[str] = Counter()
        self._usual = _FIRST_GUESS
        self._asked = 0.0

    @property
    def pid(self) -> int:
        """Process id of the embedding process; 0 while there is none."""
        return self._process.pid if self._process is not None and self._process.alive else 0

    def memory(self) -> int:
        """Return the bytes that the end of the embedding process would set free."""
        return self._process.memory() if self._process is not None and self.pid else 0

    def installed(self) -> Encoder | None:
        """Return the model that answers, if it is here and wanted."""
        return None if self._host.config.embeddings == "off" else find(self._host.models)

    def models(self) -> list[EmbeddingModel]:
        """Return the models that make embeddings, for lists of models."""
        return listed(self._host.config, self._host.models, running=self.pid > 0)

    async def embed(self, texts: Texts, *, truncate: bool, who: str = "") -> Vectors:
        """Turn texts, or tokens of the model, into vectors. Whoever is cancelled here frees the process.

        Args:
            texts: at least one; none of them empty.
            truncate: whether to cut texts that are too long.
            who: whose share of the queue it takes, if anybody's.

        Raises:
            ModelNotFoundError: embeddings are switched off.
            RequestError: a text cannot be used.
            QueueFullError: too many requests are waiting, in all or of whoever asks.
            EngineUnavailableError: the model is not here (yet), or cannot be loaded.
            EngineDiedError: the process ended before it was done.
        """
        if self._host.config.embeddings == "off":
            raise ModelNotFoundError("Embeddings are switched off here.", hint="Set `embeddings = auto`.")
        encoder = require_installed(self._host.config, self._host.models, self._host.downloads)
        with self._place(who):
            process = await self._running(encoder)
            return await process.embed(texts, truncate=truncate)

    async def stop(self) -> None:
        """End the process."""
        await end([task for task in (self._tending, self._starting) if task is not None])
        if self._process is not None:
            await self._process.stop()

    async def release(self) -> None:
        """End the process if nobody waits for it; the next request starts another."""
        if self.pid and not self._waiting and self._process is not None:
            process, self._process = self._process, None
            await process.stop()

    @contextmanager
    def _place(self, who: str) -> Iterator[None]:
        """Hold a place of the queue while the block runs."""
        queue, count = self._host.config.queue + 1, self._waiting.total()  # one is being computed
        retry_after = round(min(max(1.0, self._usual * count), _LONGEST_RETRY))
        if count >= queue:
            message = f"{count} requests for embeddings are waiting, which is all that may."
            raise QueueFullError(message, retry_after=retry_after, hint="Ask again later, or raise --queue.")
        if who and self._waiting[who] >= share(queue):
            message = f"{share(queue)} of your requests for embeddings are waiting, which is your share of the queue."
            raise QueueFullError(message, retry_after=retry_after, hint="Ask again when one of them is answered.")
        self._waiting[who] += 1
        begun = time.monotonic()
        try:
            yield
        finally:
            self._waiting[who] -= 1
            if not self._waiting[who]:
                del self._waiting[who]
            self._asked = time.monotonic()
            self._usual += _NEWS * (self._asked - begun - self._usual)

    async def _running(self, encoder: Encoder) -> EncoderProcess:
        """Return a process that takes requests; those who come while it starts wait together."""
        if self._process is not None and self._process.alive:
            return self._process
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(encoder), name="start of embeddings")
        return await asyncio.shield(self._starting)

    async def _start(self, encoder: Encoder) -> EncoderProcess:
        process = EncoderProcess()
        try:
            self._process = process
            plan, config = self._host.plan, self._host.config
            self._tending = asyncio.create_task(self._tend(process), name="embeddings watchdog")
            await process.load(encoder.folder, plan.threads if plan else config.threads, self._environment)
        finally:
            self._starting = None
        return process

    async def _tend(self, process: EncoderProcess) -> None:
        """End the process when nobody has asked for long, and kill it when it has work and gives no sign of life."""
        limit = self._host.config.step_timeout
        look = min(_LOOK, limit / 4, self._idle / 4)
        while process is self._process:
            await asyncio.sleep(look)
            now = time.monotonic()
            if not process.alive and self._starting is None:
                return
            if (process.busy or not process.alive) and now - process.heard > limit:
                logger.error("The embedding process gave no sign of life for %g s and is killed", limit)
                process.kill()
                return
            if process.alive and not self._waiting and (reason := self._pointless(now)):
                logger.info("The embedding process ends: %s", reason)
                await process.stop()
                return

    def _pointless(self, now: float) -> str:
        """Return why the process need not stay; empty when it should."""
        if self.installed() is None:
            return "its model was removed"
        return f"nobody has asked for {self._idle:g} s" if now - self._asked > self._idle else ""
