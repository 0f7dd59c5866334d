"""Keeps the best model running that this computer can have: chooses, installs, switches, and says what it is doing.

Instant on: what is installed serves at once; with nothing installed the small starter model comes first. The model that
was chosen is downloaded behind it and takes over between two answers, after a trial run; should it miss what was
predicted, the old one is back and something else is chosen. A model that the user has chosen is never replaced.
"""

import asyncio
import itertools
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agent.chooser import Chooser
from agent.config import Config
from agent.errors import EdgewiseError
from agent.inference.candidate import Candidate
from agent.inference.supervisor import Supervisor
from agent.models import TransferControl
from agent.models.foreign import foreign
from agent.models.progress import Progress, describe
from agent.models.starter import NAME as STARTER_NAME
from agent.models.starter import STARTER
from agent.phrase import Phrase
from agent.restraints import Restraints
from agent.second_chances import SecondChances
from agent.selection import Selection
from agent.units import format_bytes
from agent.waiting import end

logger = logging.getLogger(__name__)

_DELAYS = (15.0, 30.0, 60.0, 300.0, 900.0)  # seconds before a download is tried again
_LOOK_SECONDS = 1.0  # between two looks for a model that somebody has installed or chosen
_LOG_SECONDS = 5.0  # between two lines about a download
_STUMBLE_SECONDS = 10.0  # before another try after something was wrong with the settings or the system
_REST = 2.0  # seconds for the answers in progress when nothing may run any more
_SPOILT_SECONDS = 86_400.0  # before a whole file is fetched again that was not what it should be
_USB_HINT = Phrase(
    "errors.without_network",
    "Without a network: copy a .gguf file to a USB stick and run `edgewise models pull /media/usb/FILE.gguf`, "
    "or start with `edgewise run --model FILE.gguf`.",
)


@dataclass
class Coming:
    """A model on its way: its name, how far it is, what stands in the way at this moment, and how to pause it."""

    name: str
    progress: Progress | None = None
    trouble: EdgewiseError | None = None
    control: TransferControl = field(default_factory=TransferControl)

    def describe(self) -> str:
        """Return what is going on in words."""
        if self.trouble is not None:
            reason = self.trouble.message
            return Phrase("errors.coming_stuck", "{name} cannot be fetched: {reason}", name=self.name, reason=reason)
        if self.progress:
            return f"{self.name}: {describe(self.progress)}."
        return Phrase("errors.coming", "{name} will be fetched.", name=self.name)

    @property
    def whole(self) -> bool:
        """Whether the last byte has arrived."""
        last = self.progress
        return last is not None and last.state in {"downloading", "verifying"} and last.done == last.total


class Steward:
    """Runs as one task. `selection`, `coming` and `trouble` say what it has found, does, and cannot get around."""

    def __init__(self, chooser: Chooser, supervisor: Supervisor, restraints: Restraints | None = None) -> None:
        self.selection: Selection | None = None
        self.coming: Coming | None = None
        self.trouble: EdgewiseError | None = None
        self.closed: dict[str, str] = {}  # why models cannot be read, by name
        self.others_download: Callable[[], bool] = lambda: False
        self.memory: Callable[[], int] = supervisor.memory
        self._chooser = chooser
        self._supervisor = supervisor
        self._restraints = restraints or Restraints()
        self._restraints.on_change.append(lambda _cause, _restraint: self.look_again())
        self._seen: tuple[str, ...] = ()
        self._missed = ""
        self._measured = False
        self._told = 0.0
        self._candidates: list[Candidate] = []
        self._chances = SecondChances()

    def configure(self, config: Config) -> None:
        """Choose by other settings from now on."""
        self._chooser = replace(self._chooser, config=config)

    def look_again(self) -> None:
        """Choose anew within a second: something has changed that is not seen from outside."""
        self._seen = ()

    async def run(self) -> None:
        """Choose and serve, then improve and follow what users do, until cancelled."""
        while True:
            try:
                await self._reconsider()
                await self._improve()
            except EdgewiseError as error:
                self._stumble(error)
                await asyncio.sleep(_STUMBLE_SECONDS)
            except Exception as error:  # the top of this task: nobody else would hear of it
                logger.exception("The choice of a model failed")
                self._stumble(
                    EdgewiseError(
                        Phrase("errors.choice_failed", "The choice of a model failed: {error}.", error=error),
                        hint=Phrase("errors.choice_failed_hint", "The log says where."),
                    )
                )
                await asyncio.sleep(_STUMBLE_SECONDS)

    async def _choose(self) -> list[Candidate]:
        """Choose, and return what can be run; without a measurement where somebody waits to be served first."""
        self._chooser.store.require_readable()
        self._look()
        known, self.closed = self.closed, foreign(self._chooser.store.root, self._chooser.config.engine_socket)
        for why in set(self.closed.values()) - set(known.values()):
            logger.warning("%s", why)
        before, ours = self.selection, self.memory()
        self._measured = self._supervisor.status.state != "stopped" and not self._chooser.wanted()
        self.selection = await self._chooser.choose(ours=ours, measure=self._measured)
        self.trouble = None
        if before is None or before.file != self.selection.file:
            _tell(self.selection, self._chooser.wanted())
        candidates = self._allowed(self._chooser.candidates(self.selection), self.selection)
        self._candidates = [candidate for candidate in candidates if candidate.name not in self.closed]
        return self._candidates

    def _allowed(self, candidates: list[Candidate], selection: Selection) -> list[Candidate]:
        """Return those that may run at the moment."""
        memory = {entry.installed: entry.memory.total for entry in selection.considered if entry.memory}
        names = [candidate.name for candidate in candidates]
        allowed = set(self._restraints.allowed(names, memory, self._chooser.wanted()))
        return [candidate for candidate in candidates if candidate.name in allowed]

    def _look(self) -> None:
        """Note what users have installed and chosen; from now on everything else is news."""
        before, self._seen = self._seen, self._chooser.state()
        if before[:1] != self._seen[:1]:  # the user has chosen: what failed before deserves another try
            self._supervisor.failures.clear()
        for name in set(self._seen) - set(before):  # it was not there, or not whole
            self._supervisor.failures.pop(name, None)
        self._look_for(self._chooser.missed())

    def _look_for(self, missed: str) -> None:
        """Tell, once, that what was chosen is not here."""
        if missed and missed != self._missed:
            if self.others_download():
                logger.info("%s was chosen and serves as soon as it is here", missed)
            else:
                logger.warning("%s was chosen but is not installed; until it is, the choice is ours", missed)
        self._missed = missed

    async def _news(self, seconds: float) -> bool:
        """Wait until a model is installed, removed, chosen or to be tried again; False when nothing happened."""
        end = time.monotonic() + seconds
        while self._chooser.state() == self._seen and not self._forgives():
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    def _forgives(self) -> bool:
        """Forget, when it is time, what has failed without being set aside for it."""
        failures, serves = self._supervisor.failures, self._supervisor.status.state == "ready"
        aside = (
            {each.name for each in self._candidates if self._chooser.set_aside.is_aside(each.path, each.build)}
            if failures
            else set()
        )
        passing = [name for name in failures if name not in aside]
        if not self._chances.due(failed=bool(passing), serves=serves):
            return False
        logger.info("%s may run now, and is tried again", ", ".join(passing))
        for name in passing:
            del failures[name]
        return True

    async def _reconsider(self) -> None:
        """Choose again and let the better model take over; choose once more if it fails or misses what was promised."""
        while not self._supervisor.runs_best(candidates := await self._choose()):
            if self._supervisor.status.state == "ready":
                logger.info("%s takes over as soon as nobody is being answered", candidates[0].name)
            await self._supervisor.switch(candidates)
            await self._supervisor.settled()
        if not candidates and self._restraints.any:
            await self._supervisor.rest(_REST, self._restraints.reason(), self._restraints.way_out())

    async def _improve(self) -> None:
        """Fetch what is missing: the starter model if nothing can serve, else the choice. Then wait for news."""
        assert self.selection is not None  # noqa: S101 - it was just made
        serves, ours = self._supervisor.status.state == "ready", not self._chooser.wanted()
        gguf = self._chooser.config.engine != "onnx"  # as is the starter model
        starts = ours and not serves and gguf and not self._restraints.any
        if starts and STARTER_NAME not in self._seen[1:]:
            await self._install(STARTER, STARTER_NAME)
        elif ours and serves and not self._measured:
            return  # now there is time to measure, and to choose for good
        elif self._restraints.any:
            pass  # what is here does, until that is over
        elif forbidden := self._chooser.forbidden(self.selection):
            self.coming = Coming(self.selection.title, trouble=forbidden)
            logger.info("%s %s", self.coming.describe(), forbidden.hint)
        elif self._chooser.may_fetch(self.selection):
            await self._install(self.selection.file, self.selection.title)
        await self._news(math.inf)
        self.coming = None

    async def _install(self, reference: str, name: str) -> None:
        """Fetch a model; tries again, since a network may come up later than this device. Ends early on news."""
        self.coming = Coming(name)
        for delay in itertools.chain(_DELAYS, itertools.repeat(_DELAYS[-1])):
            while self.others_download():  # what people have asked for comes first, and may be what is to serve
                if await self._news(_LOOK_SECONDS):
                    self.coming = None
                    return
            if await self._pull(reference, self.coming):
                break
            whole = self.coming.whole  # it had arrived and was not right: nobody pays for that every few minutes
            if await self._news(math.inf if self._chooser.config.offline else _SPOILT_SECONDS if whole else delay):
                break
        self.coming = None

    async def _pull(self, reference: str, coming: Coming) -> bool:
        """Fetch a model once; tells whether it is here, or there is something else to think about."""
        logger.info("Fetching %s", coming.name)
        chooser, coming.progress = self._chooser, None
        sources, control = chooser.config.sources(), coming.control
        pull = chooser.store.pull(reference, sources, on_progress=self._progress, control=control)
        task = asyncio.create_task(pull, name=f"pull {coming.name}")
        try:
            while not task.done() and chooser.state() == self._seen:
                await asyncio.wait({task}, timeout=_LOOK_SECONDS)
            if not task.done():  # something was installed or chosen by somebody; what has arrived is kept
                return True
            task.result()
        except EdgewiseError as error:
            error.hint = error.hint or _USB_HINT
            coming.trouble = error
            logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 - a missing network is no bug
            return False
        finally:
            await end([task])
        return True

    def _stumble(self, error: EdgewiseError) -> None:
        """Note what stands in the way; it is tried again, since people mend their files."""
        if self.trouble is None or error.message != self.trouble.message:
            logger.error("%s %s", error.message, error.hint)
        self.trouble, self.coming = error, None

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


def _tell(selection: Selection, wanted: str) -> None:
    """Log what this computer is and what was chosen, for whoever watches the terminal."""
    logger.info("This computer: %s. Firmware profile: %s", selection.board, selection.profile)
    if not selection.model or selection.predicted is None or selection.memory is None:
        logger.warning("Nothing was chosen: %s", selection.reason)
        return
    if wanted:
        logger.info("%s serves because you have chosen it", wanted)
        return
    logger.info(
        "Chosen: %s %s, about %.1f tokens per second and %s of memory. `edgewise select` says why",
        selection.title,
        selection.quantization,
        selection.predicted.decode,
        format_bytes(selection.memory.total),
    )
