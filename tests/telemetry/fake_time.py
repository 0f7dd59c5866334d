"""A computer whose clocks the test moves."""

from dataclasses import dataclass

START = 1_795_300_000.0  # in November 2026


@dataclass
class FakeTime:
    boot: str = "kernel-1"
    up: float = 1000.0
    time: float = START
    synced: bool = True

    def mono(self) -> float:
        return self.up

    def wall(self) -> float:
        return self.time

    def synchronised(self) -> bool:
        return self.synced

    def pass_by(self, seconds: float) -> None:
        self.up += seconds
        self.time += seconds

    def reboot(self, boot: str, *, off: float = 0.0, clock: float | None = None) -> None:
        """Switch the computer off for a while; without a battery its clock is then wrong, and says `clock`."""
        self.boot, self.up, self.synced = boot, 10.0, clock is None
        self.time = self.time + off if clock is None else clock
