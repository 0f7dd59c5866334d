"""Keeps the best model running that this computer can have: chooses, installs, switches, and says what it is doing.

Instant on: what is installed serves at once; with nothing installed the small starter model comes first. The model that
was chosen is downloaded behind it and takes over between two answers, after a trial run; should it miss what was
predicted, the old one is back and something else is chosen. A model that the user has chosen is never replaced.
"""

import asyncio
import contextlib
import itertools
import logging
import math
import time
from dataclasses import dataclass

from agent.chooser import Chooser
from agent.errors import ConfigError, EdgewiseError
from agent.inference.candidate import Candidate
from agent.inference.supervisor import Supervisor
from agent.models.progress import Progress, describe
from agent.models.starter import NAME as STARTER_NAME
from agent.models.starter import STARTER
from agent.selection import Selection
from agent.units import format_bytes

logger = logging.getLogger(__name__)

_DELAYS = (15.0, 30.0, 60.0, 300.0, 900.0)  # seconds before a download is tried again
_LOOK_SECONDS = 1.0  # between two looks for a model that somebody has installed or chosen
_LOG_SECONDS = 5.0  # between two lines about a download
_USB_HINT = (
    "Without a network: copy a .gguf file to a USB stick and run `edgewise models pull /media/usb/FILE.gguf`, "
    "or start with `edgewise run --model FILE.gguf`."
)


@dataclass
class Coming:
    """A model on its way: its name, how far it is, and what stands in the way at this moment."""

    name: str
    progress: Progress | None = None
    trouble: EdgewiseError | None = None

    def describe(self) -> str:
        """Return what is going on in words."""
        if self.trouble is not None:
            return f"{self.name} cannot be fetched: {self.trouble.message}"
        return f"{self.name}: {describe(self.progress)}" if self.progress else f"{self.name} will be fetched."


class Steward:
    """Runs as one task. `selection`, `coming` and `trouble` say what it has found, does, and cannot get around."""

    def __init__(self, chooser: Chooser, supervisor: Supervisor) -> None:
        self.selection: Selection | None = None
        self.coming: Coming | None = None
        self.trouble: EdgewiseError | None = None
        self._chooser = chooser
        self._supervisor = supervisor
        self._told = 0.0

    async def run(self) -> None:
        """Choose and serve, then improve and follow what users do, until cancelled."""
        try:
            candidates = await self._choose()
            while not candidates:
                await self._install(STARTER, STARTER_NAME)
                candidates = await self._choose()
            self._supervisor.start(candidates)
            while True:
                await self._improve()
                await self._reconsider()
        except ConfigError as error:  # nothing that waiting would cure
            self.trouble = error
            logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 - a wrong profile is no bug of ours

    async def _choose(self) -> list[Candidate]:
        before, self.selection = self.selection, await self._chooser.choose(ours=self._supervisor.memory())
        if before is None or before.file != self.selection.file:
            _tell(self.selection)
        return self._chooser.candidates(self.selection)

    async def _improve(self) -> None:
        """Fetch the model that was chosen if it is not here; then wait until something changes."""
        seen = self._chooser.state()
        if self.selection and self._chooser.may_fetch(self.selection):
            await self._install(self.selection.file, self.selection.title)
        await self._news(seen, math.inf)

    async def _news(self, seen: tuple[str, ...], seconds: float) -> bool:
        """Wait until a model is installed, removed or chosen by somebody; False when nothing happened in that time."""
        end = time.monotonic() + seconds
        while self._chooser.state() == seen:
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    async def _reconsider(self) -> None:
        """Choose again and let the better model take over; choose once more if it misses what was promised."""
        candidates = await self._choose()
        if not candidates or self._supervisor.runs(candidates[0]):
            return
        logger.info("%s takes over as soon as nobody is being answered", candidates[0].name)
        await self._supervisor.switch(candidates)
        await self._supervisor.settled()
        if not self._supervisor.runs(candidates[0]):
            await self._choose()

    async def _install(self, reference: str, name: str) -> None:
        """Fetch a model; tries again, since a network may come up later than this device. Ends early on news."""
        logger.info("Fetching %s", name)
        self.coming = Coming(name)
        seen = self._chooser.state()
        for delay in itertools.chain(_DELAYS, itertools.repeat(_DELAYS[-1])):
            if await self._pull(reference, self.coming):
                break
            if await self._news(seen, math.inf if self._chooser.config.offline else delay):
                break
        self.coming = None

    async def _pull(self, reference: str, coming: Coming) -> bool:
        """Fetch a model once; tells whether it is here."""
        chooser, wanted = self._chooser, self._chooser.wanted()
        pull = chooser.store.pull(reference, chooser.config.sources(), on_progress=self._progress)
        task = asyncio.create_task(pull, name=f"pull {coming.name}")
        try:
            while not task.done() and chooser.wanted() == wanted:
                await asyncio.wait({task}, timeout=_LOOK_SECONDS)
            if not task.done():  # the user wants another one now; what has arrived is kept
                return True
            task.result()
        except EdgewiseError as error:
            coming.trouble = type(error)(error.message, hint=error.hint or _USB_HINT)
            logger.error("%s %s", error.message, coming.trouble.hint)  # noqa: TRY400 - a missing network is no bug
            return False
        finally:
            await _cancelled(task)
        return True

    def _progress(self, progress: Progress) -> None:
        """Note how far a download is, and log it now and then for whoever watches the terminal."""
        coming = self.coming
        assert coming is not None  # noqa: S101 - it is set before a download begins
        news = coming.progress is None or progress.state != coming.progress.state
        coming.progress = progress
        if progress.state == "downloading":
            coming.trouble = None
        if news or time.monotonic() - self._told >= _LOG_SECONDS:
            self._told = time.monotonic()
            logger.info("%s: %s", coming.name, describe(progress))


def _tell(selection: Selection) -> None:
    """Log what this computer is and what was chosen, for whoever watches the terminal."""
    logger.info("This computer: %s. Firmware profile: %s", selection.board, selection.profile)
    if not selection.model or selection.predicted is None or selection.memory is None:
        logger.warning("Nothing was chosen: %s", selection.reason)
        return
    logger.info(
        "Chosen: %s %s, about %.1f tokens per second and %s of memory. `edgewise select` says why",
        selection.title,
        selection.quantization,
        selection.predicted.decode,
        format_bytes(selection.memory.total),
    )


async def _cancelled(task: "asyncio.Task[object]") -> None:
    """End a task and wait until it has; without effect on one that has ended."""
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, EdgewiseError):
            await task
