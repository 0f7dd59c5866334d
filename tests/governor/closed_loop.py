"""The policy for heat in a closed loop with a modelled board, and in an open one with a trace."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.governor.heat import HeatPolicy
from agent.governor.sensor import Seen, Sensors
from agent.inference.shares import SHARES
from tests.governor.board import Board, Cooling

TRACES = Path(__file__).parent / "traces"
TICK = 2  # seconds
_NOISE = 0.3  # degrees, of a sensor on a die
_STEP = 0.5  # degrees, in which it counts


@dataclass
class Run:
    """What came of it: the board, the policy, when the level changed and to what, and the highest temperature."""

    board: Board
    policy: HeatPolicy
    changes: list[tuple[int, int]] = field(default_factory=list)
    highest: float = 0.0


def governed(cooling: Cooling, seconds: int, busy: Callable[[int], bool], *, on: bool = True, seed: int = 1) -> Run:
    """Run a board for some seconds; without the governor only its firmware throttles."""
    chance, sensors = random.Random(seed), Sensors()  # noqa: S311 - the noise of a sensor
    run = Run(Board(cooling), HeatPolicy())
    for second in range(seconds):
        if on and second % TICK == 0:
            celsius = round((run.board.celsius + chance.gauss(0, _NOISE)) / _STEP) * _STEP
            heat = sensors.look(second, [Seen("cpu", celsius, run.board.limit)])
            flags = ["throttled"] if run.board.throttled else []
            if run.policy.look(second, heat, flags, busy=busy(second)):
                run.changes.append((second, run.policy.level))
            run.board.share = SHARES[run.policy.level]
        run.board.advance(busy=busy(second))
        run.highest = max(run.highest, run.board.celsius)
    return run


def trace(name: str) -> list[tuple[float, float | None]]:
    """Return the points of a trace: seconds and degrees Celsius, None where nothing was read."""
    lines = [line for line in (TRACES / f"{name}.csv").read_text().splitlines() if not line.startswith("#")]
    pairs = (line.split(",") for line in lines[1:])
    return [(float(seconds), float(celsius) if celsius else None) for seconds, celsius in pairs]


def between(points: list[tuple[float, float | None]], second: float) -> float:
    """Return the temperature at some second, on straight lines between the points of a trace."""
    known = [(at, celsius) for at, celsius in points if celsius is not None]
    for (left, low), (right, high) in itertools.pairwise(known):
        if left <= second <= right:
            return low + (high - low) * (second - left) / (right - left)
    return known[-1][1]
