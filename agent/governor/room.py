"""Makes room in memory before the kernel does, which would kill whatever is largest: the engine."""

from dataclasses import dataclass

from agent.governor.ladder import Ladder

ALL, LEAN, SMALLER, NOTHING = range(4)
"""What may take memory: all as planned; no kept conversations, no embeddings; a smaller model; no model."""

_MIB = 1 << 20
_SHARE = 0.02  # of memory that must be left, within these bounds; plans leave several times as much
_LEAST, _MOST = 48 * _MIB, 256 * _MIB
_TIGHT_SOME, _TIGHT_FULL = 0.25, 0.05  # shares of the last 10 s in which some task, or all, waited for memory
_CRITICAL_FULL = 0.2
_CALM_SOME, _CALM_FULL = 0.1, 0.01
_LASTS = 8.0  # seconds that it must last: a process that starts takes more for a moment than it keeps
_TIGHT_GAP, _CRITICAL_GAP = 20.0, 6.0  # seconds until a step shows
_PATIENCE = 300.0  # seconds of room for a step back
_LONGEST = 21_600.0


@dataclass(frozen=True, slots=True)
class Room:
    """One look at memory.

    Attributes:
        usable: bytes that are available, within all limits.
        total: bytes that may be used at all.
        some: share of the last 10 s in which some task waited for memory; 0 where the kernel does not account it.
        full: likewise all tasks.
        killed: how often the kernel has run out of memory in our control groups.
    """

    usable: int
    total: int
    some: float = 0.0
    full: float = 0.0
    killed: int = 0

    @property
    def needed(self) -> int:
        """Bytes that should be left."""
        return max(_LEAST, min(_MOST, round(_SHARE * self.total)))

    @property
    def tight(self) -> bool:
        """Whether there is so little room that something should be done."""
        return self.usable < self.needed or self.some >= _TIGHT_SOME or self.full >= _TIGHT_FULL

    @property
    def severe(self) -> bool:
        """Whether it is worth another model: that some task waits now and then may be the fault of others."""
        return self.usable < self.needed or self.full >= _TIGHT_FULL

    @property
    def critical(self) -> bool:
        """Whether the kernel is about to help itself."""
        return self.usable < self.needed // 2 or self.full >= _CRITICAL_FULL


class MemoryPolicy:
    """Says what may take memory: `stage` is one of the four above."""

    def __init__(self) -> None:
        self._ladder = Ladder(NOTHING, _PATIENCE, _LONGEST)
        self._tight: float | None = None  # since when
        self._killed = -1

    @property
    def stage(self) -> int:
        """What may take memory now."""
        return self._ladder.level

    def look(self, now: float, room: Room, *, more: int, settled: bool) -> bool:
        """Take in one look; tells whether the stage has changed.

        Args:
            now: seconds on a clock that only goes forward.
            room: what was seen; a total of 0: nothing was.
            more: bytes that the next better stage would take in addition.
            settled: whether what was decided before is in effect: no model is being loaded or exchanged.
        """
        before, killed, self._killed = self.stage, room.killed > self._killed >= 0, room.killed
        if not room.total or not (room.tight or killed):
            self._tight = None
            self._ease(now, room, more)
        else:
            self._tight = now if self._tight is None else self._tight
            self._ladder.hold()
            if killed or now - self._tight >= _LASTS:
                self._press(now, room, killed=killed, settled=settled)
        return self.stage != before

    def _press(self, now: float, room: Room, *, killed: bool, settled: bool) -> None:
        critical = killed or room.critical
        floor = NOTHING if critical else SMALLER if room.severe else LEAN
        if settled or self.stage < SMALLER:
            self._ladder.back_off(now, gap=_CRITICAL_GAP if critical else _TIGHT_GAP, floor=floor)

    def _ease(self, now: float, room: Room, more: int) -> None:
        """Give a stage back when what it takes leaves twice of what is needed."""
        roomy = room.usable >= 2 * room.needed + more and room.some < _CALM_SOME and room.full < _CALM_FULL
        if room.total and roomy:
            self._ladder.calm(now)
        else:
            self._ladder.hold()
