"""The words in which the parts of the outbox talk to each other."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.telemetry.payloads import Item, Rank
from agent.telemetry.settings import TelemetrySettings

MIB = 1 << 20
DAY = 86_400.0
RUN_BITS = 32  # of the id of a row belong to the number within the run

Key: TypeAlias = tuple[str, int]
"""Run of the daemon, and number within it: what an item is known by."""

Reason: TypeAlias = Literal["full", "age", "disk", "thinned", "restart", "corrupt"]
"""Why items are gone. Of `thinned` ones those that remain are among the numbers that the gap names."""


@dataclass(frozen=True)
class Limits:
    """What the outbox may take.

    Attributes:
        size: bytes on disk, the write-ahead log included.
        age: seconds after which an item is dropped.
        free: bytes of the disk that are left free.
        flush_rows: items in memory that are written together.
        flush_seconds: after which they are written even if they are fewer.
        memory: bytes of items in memory while the disk cannot be written.
        logs: bytes of log lines.
    """

    size: int = 64 * MIB
    age: float = 7 * DAY
    free: int = 256 * MIB
    flush_rows: int = 60
    flush_seconds: float = 60.0
    memory: int = MIB
    logs: int = MIB

    @classmethod
    def of(cls, settings: TelemetrySettings) -> "Limits":
        """Return what the settings say."""
        size = settings.outbox_mb * MIB
        return cls(size, settings.outbox_days * DAY, settings.outbox_free_mb * MIB, memory=min(MIB, size // 8))


@dataclass(frozen=True)
class Loss:
    """Numbers of one run of the daemon that will never be sent, from `first` to `last`."""

    boot: str
    first: int
    last: int
    reason: Reason


@dataclass(frozen=True, eq=False)
class Batch:
    """Items to be sent together, all of one run of the daemon.

    Attributes:
        payload: the items as a JSON array.
        history: they have waited for more than a minute.
    """

    rank: Rank
    items: tuple[Item, ...]
    payload: bytes
    history: bool

    def keys(self) -> list[Key]:
        """Return what its items are known by."""
        return [(item.boot, item.seq) for item in self.items]


@dataclass(frozen=True)
class OutboxStats:
    """How much waits.

    Attributes:
        size: bytes in use on disk.
        oldest_ts: when the oldest item was made, milliseconds since 1970; 0: nothing waits.
        dropped: items that were given up since the daemon was started.
        written_bytes: what was written to the disk since then.
        trouble: why items stay in memory, in a sentence; empty: they do not.
    """

    rows: int = 0
    bytes: int = 0
    oldest_ts: int = 0
    dropped: int = 0
    written_bytes: int = 0
    trouble: str = ""
