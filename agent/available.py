"""All models that the catalogue knows, as they would run here: also those whose licence must be accepted first."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from agent.chooser import Chooser
from agent.config import Config
from agent.selection import Selection

_FRESH = 60.0  # seconds; memory that others take changes what fits


class Available:
    """Looks when asked; again when a model has come or gone, and after a minute, for which nobody has to wait.

    Nothing that it finds is remembered as the choice.
    """

    def __init__(self, chooser: Chooser, memory: Callable[[], int]) -> None:
        self._chooser = chooser
        self._memory = memory
        self._seen: tuple[str, ...] = ()
        self._selection: Selection | None = None
        self._looked_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self.configure(chooser.config)

    def configure(self, config: Config) -> None:
        """Look by other settings from now on; every licence counts as accepted."""
        self._chooser = replace(self._chooser, config=msgspec.structs.replace(config, licences="any"))
        self._seen, self._selection = (), None

    async def look(self) -> Selection:
        """Return all files of all models with what they would need and how fast they would be, the best first.

        Raises:
            ConfigError: a profile or a family file is wrong.
        """
        if self._selection is None or self._seen != self._chooser.state():
            await self._look()
        elif time.monotonic() - self._looked_at > _FRESH:
            self._looked_at = time.monotonic()
            self._task = asyncio.create_task(self._look(), name="look at the catalogue")
        assert self._selection is not None  # noqa: S101 - it was just made
        return self._selection

    async def _look(self) -> None:
        self._seen, self._looked_at = self._chooser.state(), time.monotonic()
        self._selection = await self._chooser.choose(ours=self._memory(), measure=False, remember=False)
