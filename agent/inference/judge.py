"""What is learnt about a model file with an engine build: from how its process ended, and from its trial run."""

import logging

from agent.inference import frames, saying
from agent.inference.candidate import Candidate
from agent.inference.set_aside import SetAside, identify

logger = logging.getLogger(__name__)


class Judge:
    """Decides whether a candidate is started, and what its failure means for the next time."""

    def __init__(self, set_aside: SetAside) -> None:
        self._set_aside = set_aside
        self._key = ""  # what the file is known by, also after somebody has deleted it

    def admit(self, candidate: Candidate) -> tuple[str, bool]:
        """Return why a candidate is not started, empty if it is, and whether it may have repacked weights."""
        try:
            self._key = identify(candidate.path)
        except OSError as error:  # somebody has removed the file since it was chosen
            return saying.cannot_load(candidate.name, saying.unreadable(error)), False
        verdict = self._set_aside.verdict(self._key, candidate.build)
        insists = verdict is not None and verdict.works and candidate.expect is None
        if verdict and verdict.aside and not insists:
            return saying.set_aside_since(candidate.name, verdict.since, verdict.reason), False
        return "", verdict is None or verdict.works

    def died_loading(self, candidate: Candidate, how: str, *, extra_buffers: bool) -> str:
        """Return why a candidate is given up whose process ended before it served; empty when it is tried once more."""
        if "SIGKILL" in how:  # by the kernel for lack of memory, or by our watchdog: says nothing about the pair
            reason = f"the engine {how}, for lack of memory or of progress."
            return saying.cannot_load(candidate.name, reason)
        if extra_buffers:
            reason = f"the engine {how} during the self-test; tried again without repacked weights."
            logger.warning("%s: %s", candidate.name, reason)
            self._set_aside.add(self._key, candidate.build, reason, aside=False)
            return ""
        reason = f"the engine {how} while loading it."
        logger.error("%s is set aside: %s", candidate.name, reason)
        self._set_aside.add(self._key, candidate.build, reason, aside=True)
        return saying.set_aside(candidate.name, reason)

    def missed(self, candidate: Candidate, trial: frames.Timings, memory: int) -> str:
        """Set a candidate aside that loads but does not keep what was promised; returns the reason, empty if it does.

        Args:
            candidate: that has made its trial run.
            trial: what that took.
            memory: most bytes that its process had.
        """
        missed = candidate.expect.missed(trial.decode_rate, memory) if candidate.expect else ""
        if not missed:
            return ""
        self._set_aside.add(self._key, candidate.build, f"it {missed}", aside=True, works=True)
        return saying.set_aside(candidate.name, f"it {missed}")
