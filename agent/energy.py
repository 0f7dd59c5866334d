"""How much energy the device has drawn, and how much of it a token takes."""

from agent.hardware.power import Drawn

_KEPT = 0.98  # weight of what was before at each look with tokens: half of it is older than 34 looks, about 3 minutes


class Energy:
    """Adds up what is drawn from look to look.

    Attributes:
        watts: drawn since the last look where energy is counted, else at this moment; None when unknown.
        joules: drawn in all; None when it was never known.
        per_token: joules per token while tokens are decoded, the latest counting most; None when unknown.
    """

    def __init__(self) -> None:
        self.watts: float | None = None
        self.joules: float | None = None
        self.per_token: float | None = None
        self._last: tuple[float, int, Drawn] | None = None  # time, tokens so far, and what was drawn
        self._energy = self._tokens = 0.0  # of looks with tokens, faded

    def add(self, now: float, tokens: int, drawn: Drawn) -> None:
        """Add a look.

        Args:
            now: in seconds, of a clock that never goes back.
            tokens: decoded so far.
            drawn: what the sensor says.
        """
        before, self._last = self._last, (now, tokens, drawn)
        self.watts = drawn.watts
        if before is None or now <= before[0] or drawn.of != before[2].of:
            return
        joules = _between(before[2], drawn, now - before[0])
        if joules is None:
            return
        self.watts = drawn.watts if drawn.watts is not None else joules / (now - before[0])
        self.joules = (self.joules or 0.0) + joules
        if tokens > before[1]:
            self._energy = self._energy * _KEPT + joules
            self._tokens = self._tokens * _KEPT + tokens - before[1]
            self.per_token = self._energy / self._tokens


def _between(before: Drawn, after: Drawn, seconds: float) -> float | None:
    """Return the energy between two looks; None when the counter has begun anew, or nothing is measured."""
    if before.joules is not None and after.joules is not None:
        return after.joules - before.joules if after.joules >= before.joules else None
    if before.watts is not None and after.watts is not None:
        return (before.watts + after.watts) / 2 * seconds
    return None
