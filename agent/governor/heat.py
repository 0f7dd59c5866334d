"""Backs off before the kernel or the firmware does: level by level, by where the temperature is and where it goes."""

from collections.abc import Collection

from agent.governor.ladder import Ladder
from agent.governor.sensor import Heat
from agent.inference.shares import LOWEST

_NEAR = 2.0  # degrees below the limit at which it is time
_AHEAD = 6.0  # degrees below it from which on the slope counts
_CALM = 8.0  # degrees below it at which a level may be given back
_COLD = 20.0  # degrees below it at which nothing is left of the heat that was stored
_PATIENCE = 120.0  # seconds of calm for one level
_FALLING = -0.05  # degrees per second: what was done already works
_LATE_GAP, _NEAR_GAP, _AHEAD_GAP = 4.0, 8.0, 15.0  # seconds until a step shows: dies take two, the board half a minute
_BLIND = 600.0  # seconds without a sensor after which it counts as calm
_BLIND_FLOOR = 2  # level below which flags alone do not lead
_COOL = 15.0  # degrees below the limit at which flags of throttling mean something else than heat
_LASTING = 180.0  # seconds of work at the lowest level, still hot, after which a smaller model is wanted
_STILL_HOT = 5.0  # degrees below the limit
_RELIEF = 600.0  # seconds at full speed after which the larger model may return
_LONGEST_RELIEF = 21_600.0
_FLAGS = frozenset({"throttled", "frequency capped"})  # the soft limit costs less than a thread: nothing to prevent


class HeatPolicy:
    """Says how far to back off, and whether that is not enough.

    Attributes:
        lasting: whether the heat lasts though all has been done that threads can do.
    """

    def __init__(self) -> None:
        self.lasting = False
        self._ladder = Ladder(LOWEST, _PATIENCE)
        self._model = Ladder(1, _RELIEF, _LONGEST_RELIEF)
        self._seen: float | None = None  # when a sensor was believed last
        self._before: float | None = None
        self._worked = 0.0

    @property
    def level(self) -> int:
        """How far to back off: 0 is full speed."""
        return self._ladder.level

    def look(self, now: float, heat: Heat | None, flags: Collection[str], *, busy: bool) -> bool:
        """Take in one look; tells whether the level has changed.

        Args:
            now: seconds on a clock that only goes forward.
            heat: the sensor nearest to its limit; None: there is none to be believed.
            flags: what holds the processor back, as `agent.hardware.thermal` says.
            busy: whether anything is being computed.
        """
        before = self.level
        if heat is not None or self._seen is None:
            self._seen = now
        if self._late(heat, flags):
            self._ladder.back_off(now, steps=2, gap=_LATE_GAP, floor=None if heat else _BLIND_FLOOR)
        elif heat is not None:
            self._judge(now, heat)
        elif now - self._seen > _BLIND:
            self._ladder.calm(now)
        else:
            self._ladder.hold()
        self._consider_model(now, heat, busy=busy)
        return self.level != before

    def _late(self, heat: Heat | None, flags: Collection[str]) -> bool:
        """Tell whether somebody else has slowed the processor down already, or is about to."""
        flagged = bool(_FLAGS & set(flags)) and "under-voltage" not in flags  # which brings the others with it
        if heat is None:
            return flagged
        return heat.celsius >= heat.limit or (flagged and not heat.below(_COOL))

    def _judge(self, now: float, heat: Heat) -> None:
        if not heat.below(_NEAR):
            self._ladder.hold()
            if heat.slope > _FALLING:
                self._ladder.back_off(now, gap=_NEAR_GAP)
        elif not heat.below(_AHEAD) and heat.expected >= heat.limit:
            self._ladder.back_off(now, gap=_AHEAD_GAP)
        elif heat.below(_CALM) and heat.expected < heat.limit - _NEAR:
            self._ladder.calm(now, sure=heat.below(_COLD))
        else:
            self._ladder.hold()

    def _consider_model(self, now: float, heat: Heat | None, *, busy: bool) -> None:
        """Count the work that is done at the lowest level in spite of the heat, and the calm after it."""
        passed, self._before = now - (self._before or now), now
        hot = heat is not None and self.level == LOWEST and not heat.below(_STILL_HOT)
        self._worked = self._worked + passed * busy if hot else 0.0
        if self._worked >= _LASTING:
            self._model.back_off(now)
        elif self.level == 0 and heat is not None:
            self._model.calm(now)
        else:
            self._model.hold()
        self.lasting = self._model.level > 0
