"""What the tests of faults have measured, as a table at the end of `make chaos`."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One fault: what was lost, and after how many seconds everything was as before."""

    fault: str
    seconds: Sequence[float]
    lost: str


@dataclass
class Table:
    """The rows so far, in the order of the tests."""

    rows: list[Row] = field(default_factory=list)

    def add(self, fault: str, *seconds: float, lost: str = "nothing") -> None:
        """Note what a fault has cost; several seconds are several times of the same."""
        self.rows.append(Row(fault, seconds, lost))

    def lines(self) -> list[str]:
        """Return the table in words."""
        width = max((len(row.fault) for row in self.rows), default=0)
        return [f"{row.fault:{width}}  {_range(row.seconds):>16}  {row.lost}" for row in self.rows]


def _range(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    least, most = min(seconds), max(seconds)
    return f"{most:.2f} s" if len(seconds) == 1 else f"{least:.2f}-{most:.2f} s"
