"""Safe mode of a running daemon: counts how its lives end, and says on which level it is and why."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from agent.models.record import boot_id
from agent.safe_mode import lives as policy
from agent.safe_mode import marker, saying
from agent.safe_mode.last_words import LastWords
from agent.safe_mode.lives import LAST_MOMENT, Birth, Level, Lives, Rules
from agent.state import VERSION, CrashState, SafeModeState

logger = logging.getLogger(__name__)

_RECORD, _WORDS = "lives.json", "last-words.txt"
_LOOK = 10.0  # seconds between two looks at how long the service has lasted
_LOOKS = 4  # at least, in the time after which something is concluded
_KEEP = 900.0  # seconds of service that a crash may cost: flash memory wears


def record_path(state_dir: Path) -> Path:
    """Return where the lives are counted."""
    return state_dir / _RECORD


class SafeMode:
    """Begin a life with `begin` as early as possible, and end it with `end`. Without them there is no safe mode.

    Attributes:
        on_change: called when the level has changed.

    Args:
        state_dir: where it is written down.
        rules: how patient the device is with itself.
        least: the level of this life, at least, whatever is written down.
    """

    def __init__(self, state_dir: Path, rules: Rules | None = None, *, least: Level = 0) -> None:
        self.on_change: list[Callable[[], None]] = []
        self._path = record_path(state_dir)
        self._words = LastWords(state_dir / _WORDS)
        self._rules = rules or Rules()
        self._least = least
        self._lives = Lives()
        self._kept = 0.0  # seconds of calm that are written down
        self._since = 0.0  # on this level, on the monotonic clock

    @property
    def level(self) -> Level:
        """How much runs."""
        return max(self._lives.level, self._least)

    def state(self) -> SafeModeState | None:
        """Return what there is to say; None while everything runs."""
        lives = self._lives if self.level == self._lives.level else _asked(self._lives, self.level)
        if not lives.level:
            return None
        return SafeModeState(
            level=lives.level,
            reason=saying.reason(lives),
            way_out=saying.way_out(lives, self._rules.patience),
            wanted=lives.floor == lives.level,
            since=lives.since,
            crashes=[CrashState(crash.begun, saying.how(crash), crash.version) for crash in lives.crashes],
        )

    def begin(self) -> None:
        """Conclude from how the last life has ended, and begin this one."""
        found = marker.read(self._path)
        birth = Birth(boot_id(), _now(), VERSION)
        self._write(policy.begin(found, birth, self._rules, self._words.read() if found.running else None))
        self._since = time.monotonic()
        self._words.listen()
        if found.running:
            logger.warning("Edgewise has not ended in good order: %s", saying.how(self._lives.crashes[-1]))
        if state := self.state():
            logger.warning("%s %s", state.reason, state.way_out)

    def end(self) -> None:
        """End this life on purpose."""
        if self._lives.running:
            self._write(policy.end(self._lives))
            self._words.close()

    def undo(self) -> None:
        """End a life that could not begin for a reason that people are told; it counts neither way."""
        if self._lives.running:
            self._write(policy.undo(self._lives))
            self._words.close()

    def crashed(self, error: BaseException) -> None:
        """Write down which exception ends this life."""
        if self._lives.running:
            self._words.say(error)

    async def run(self) -> None:
        """Look after the time, until cancelled."""
        pause = min(_LOOK, self._rules.settling / _LOOKS, self._rules.patience / _LOOKS)
        last = time.monotonic()
        while self._lives.running:
            await asyncio.sleep(pause)
            now = time.monotonic()
            self._pass(now - last, now)
            last = now

    def enter(self, level: Level) -> None:
        """Go to a level, and stay there."""
        self._least = 0
        self._change(policy.enter(self._lives, level, _now()))

    def leave(self) -> None:
        """Try again with everything."""
        self._least = 0
        self._change(policy.leave(self._lives, _now()))

    def _pass(self, seconds: float, now: float) -> None:
        """Add seconds of service, until `now` on the monotonic clock."""
        if not self._lives.settled and now - self._since >= self._rules.settling:
            self._write(policy.settle(self._lives))
        served = policy.serve(self._lives, seconds, _now(), self._rules)
        if served.level != self._lives.level:
            self._change(served)
        elif served.patience != self._lives.patience or (
            served.level > served.floor and served.calm - self._kept >= _KEEP
        ):
            self._write(served)
        else:
            self._lives = served

    def _change(self, lives: Lives) -> None:
        self._write(lives)
        self._since = time.monotonic()
        logger.warning("%s", saying.reason(lives) or "Safe mode has ended; everything is tried again")
        for listener in self.on_change:
            try:
                listener()
            except Exception:  # a bug there is no reason to stay on a level for ever
                logger.exception("Safe mode is not followed")

    def _write(self, lives: Lives) -> None:
        self._lives, self._kept = lives, lives.calm
        marker.write(self._path, lives)


def _now() -> float:
    """Return the seconds since 1970, as far as a clock can be believed that nobody may have set."""
    return min(max(0.0, time.time()), LAST_MOMENT)


def _asked(lives: Lives, level: Level) -> Lives:
    """Return what is to be said on a level that this life was started with."""
    return policy.enter(lives, level, lives.begun)
