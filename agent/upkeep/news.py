"""What storage care has done, for the events of telemetry: the latest few, numbered."""

from collections import deque
from dataclasses import dataclass
from typing import Any

_MOST = 32


@dataclass(frozen=True, slots=True)
class Happened:
    """One of them: its number from 1 on, name of the event, and particulars."""

    number: int
    event: str
    data: dict[str, Any]


class News:
    """Those that were added since the daemon was started."""

    def __init__(self) -> None:
        self._latest: deque[Happened] = deque(maxlen=_MOST)
        self._count = 0

    def add(self, event: str, **data: Any) -> None:  # noqa: ANN401 - particulars of any kind
        """Add one."""
        self._count += 1
        self._latest.append(Happened(self._count, event, data))

    def all(self) -> tuple[Happened, ...]:
        """Return the latest, oldest first."""
        return tuple(self._latest)
