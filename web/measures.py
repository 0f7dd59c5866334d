"""Measured values that the page of the device lists: a choice from the catalogue of metrics, as people read them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.telemetry.catalogue import METRICS, Reading
from agent.units import format_bytes, format_duration

_LONG = 60.0  # seconds from which on minutes are named


@dataclass(frozen=True)
class Measure:
    """A value by the name of its metric."""

    name: str
    text: str


def _seconds(value: float) -> str:
    if value >= _LONG:
        return format_duration(value)
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _count(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u202f")  # a narrow space, which divides thousands in every language


# In the order of the page. Values come in the base units of the catalogue.
_TEXTS: Mapping[str, Callable[[float], str]] = {
    "ttft_ms": _seconds,
    "ttft_p95_ms": _seconds,
    "answer_tok_s": lambda rate: f"{rate:.1f} tok/s",
    "requests": _count,
    "errors": _count,
    "rejected": _count,
    "prompt_tokens": _count,
    "completion_tokens": _count,
    "power_w": lambda watts: f"{watts:.1f} W",
    "token_j": lambda joules: f"{joules:.3g} J",
    "energy_wh": lambda joules: f"{joules / 3600:.3g} Wh",
    "psi_cpu_some": _percent,
    "psi_mem_some": _percent,
    "psi_io_some": _percent,
    "disk_free_mb": format_bytes,
    "disk_written_mb": format_bytes,
    "emmc_worn_pct": _percent,
    "uptime_s": format_duration,
}


def measures(reading: Reading) -> list[Measure]:
    """Return what there is to list; without what this device cannot measure, or has not yet."""
    metrics = {metric.name: metric for metric in METRICS}
    values = ((name, metrics[name].read(reading), text) for name, text in _TEXTS.items())
    return [Measure(name, text(value)) for name, value, text in values if isinstance(value, float | int)]
