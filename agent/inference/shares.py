"""Which share of its speed the engine may use at a level, and how threads and rests bring that about."""

SHARES = (1.0, 0.75, 0.5, 0.25)
LOWEST = len(SHARES) - 1


def threads(share: float, of: int) -> int:
    """Return how many of the threads to compute with."""
    return max(1, min(of, round(share * of)))


def rest(share: float, of: int, computing: int) -> float:
    """Return the rest after a step, as a multiple of its time, where threads alone are not enough.

    Args:
        share: of full speed.
        of: threads at full speed.
        computing: threads that do compute; an engine may not be able to change them.
    """
    return max(0.0, computing / (share * of) - 1)
