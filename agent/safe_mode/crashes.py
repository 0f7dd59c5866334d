"""What crashes mean for the models: which of them may not run, because of those of the daemon and of the engine."""

import asyncio
import logging
from collections.abc import Callable, Collection

from agent.inference.candidate import Candidate
from agent.restraints import Restraint, Restraints
from agent.safe_mode import saying
from agent.safe_mode.deaths import Deaths
from agent.safe_mode.safe_mode import SafeMode

logger = logging.getLogger(__name__)

_LOOK = 10.0  # seconds between two looks at whether something may be tried again
_MINUTE = 60
_SMALLEST_AFTER = 2  # models that were barred: then the best one that is left does not matter any more


class Crashes:
    """Holds the restraint `crashes`.

    Args:
        safe_mode: says how much runs.
        restraints: where it is put in force.
        smallest: returns the smallest model that works here and is not among those named; empty: there is none.
        deaths: counts those of the engine.
    """

    def __init__(
        self,
        safe_mode: SafeMode,
        restraints: Restraints,
        smallest: Callable[[Collection[str]], str],
        deaths: Deaths,
    ) -> None:
        self._safe_mode = safe_mode
        self._restraints = restraints
        self._smallest = smallest
        self._deaths = deaths
        self._told = ""  # why the last model was barred
        safe_mode.on_change.append(self._level_changed)

    def died(self, candidate: Candidate, how: str) -> None:
        """Count a death of the engine while this model served. `how`: it has ended, in words."""
        if self._deaths.died(candidate.name):
            bounds = self._deaths.bounds
            minutes = round(bounds.window / _MINUTE)
            self._told = saying.died_often(candidate.name, bounds.deaths, minutes, how)
            self.hold()

    def hold(self) -> None:
        """Put in force what holds now, or nothing."""
        restraint = self._restraint()
        if restraint is None:
            self._restraints.lift("crashes")
        else:
            self._restraints.set("crashes", restraint)

    async def run(self) -> None:
        """Let models be tried again when it is time, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                self._look()
            except Exception:  # the top of this task: nobody else would hear of it, and no model would come back
                logger.exception("It cannot be told which models may run")

    def forget(self) -> None:
        """Let every model run again that the engine has died with."""
        self._deaths.forget()
        self.hold()

    def _look(self) -> None:
        if tried := self._deaths.another_try(nothing_runs=self._nothing_runs()):
            logger.warning("%s is tried again", tried)
        self.hold()

    def _restraint(self) -> Restraint | None:
        state, barred = self._safe_mode.state(), self._deaths.barred
        if state is not None and state.level > 1:
            return Restraint(state.reason, state.way_out, only=())
        left = self._smallest(barred)
        only = (left,) if left else ()
        if barred and (state is not None or len(barred) >= _SMALLEST_AFTER):
            return Restraint(self._told, self._way_out(), only=only)
        if barred:
            return Restraint(self._told, self._way_out(), never=tuple(barred))
        if state is not None and left:  # without any model the starter model may come
            return Restraint(state.reason, state.way_out, only=only)
        return None

    def _way_out(self) -> str:
        patience = self._deaths.patience(nothing_runs=self._nothing_runs())
        return saying.tried_again(max(1, round(patience / _MINUTE)))

    def _nothing_runs(self) -> bool:
        return not self._smallest(self._deaths.barred)

    def _level_changed(self) -> None:
        if not self._safe_mode.level:
            self._deaths.forget()
        self.hold()
