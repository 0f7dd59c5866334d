"""What the page of the device draws: how it was over the last hour or day, and where the memory goes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.memory import MemoryEstimate
from agent.selection.outcome import Budget
from agent.vitals import Vitals
from web.charts import Chart, chart

Span: TypeAlias = Literal["hour", "day"]

BAR = 1000  # units of the drawing


@dataclass(frozen=True)
class _Kind:
    """How a value is drawn: from `low` to `high`, or further in steps of `grow`, with texts made by `text`."""

    low: float
    high: float
    grow: float
    text: Callable[[float], str]


@dataclass(frozen=True)
class Gauge:
    """One value over time, with its name and its numbers as texts; an empty text is not known."""

    name: str
    chart: Chart
    low: str
    high: str
    least: str
    mean: str
    most: str
    latest: str


@dataclass(frozen=True)
class Part:
    """A piece of the memory bar: its name, bytes, and where it begins and how long it is, in units of the drawing."""

    name: str
    bytes: int
    start: float
    length: float


def degrees(celsius: float) -> str:
    """Return a temperature as people read it."""
    return f"{celsius:.0f} °C"


def percent(share: float) -> str:
    """Return a share of 1 as people read it."""
    return f"{share:.0%}".replace("%", " %")


def rate(tokens: float) -> str:
    """Return a speed as people read it."""
    return f"{round(tokens, 1):g} tok/s"


_KINDS: Mapping[str, _Kind] = {
    "celsius": _Kind(20.0, 90.0, 10.0, degrees),
    "cpu": _Kind(0.0, 1.0, 0.0, percent),
    "used": _Kind(0.0, 1.0, 0.0, percent),
    "rate": _Kind(0.0, 10.0, 10.0, rate),
}


def gauges(vitals: Vitals, span: Span) -> list[Gauge]:
    """Return the values over a span; without those that were never known, such as the heat of a virtual machine."""
    history = vitals.day() if span == "day" else vitals.hour()
    found = []
    for name, kind in _KINDS.items():
        drawn = chart(history.series(name), low=kind.low, high=kind.high, grow=kind.grow)
        if drawn.mean is not None or name != "celsius":
            found.append(_gauge(name, drawn, kind))
    return found


def memory_bar(memory: MemoryEstimate, budget: Budget) -> list[Part]:
    """Return what a model takes of the memory for models, part after part; what is left stays empty."""
    sizes = {
        "weights": memory.weights,
        "kv_cache": memory.kv_cache,
        "prompt_cache": memory.prompt_cache,
        "compute": memory.compute,
        "overhead": memory.overhead,
    }
    scale = BAR / max(1, budget.usable, memory.total)
    parts, start = [], 0.0
    for name, size in sizes.items():
        if size:
            parts.append(Part(name, size, round(start, 1), round(size * scale, 1)))
            start += size * scale
    return parts


def _gauge(name: str, drawn: Chart, kind: _Kind) -> Gauge:
    def text(value: float | None) -> str:
        return "" if value is None else kind.text(value)

    return Gauge(
        name=name,
        chart=drawn,
        low=text(drawn.low),
        high=text(drawn.high),
        least=text(drawn.least),
        mean=text(drawn.mean),
        most=text(drawn.most),
        latest=text(drawn.latest),
    )
