"""What a soak has found, as text and as JSON, and whether that is good enough."""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.soak.book import Book
from benchmarks.soak.samples import Sample, runs
from benchmarks.soak.trend import Trend, floor, percentile, trend

_MOST = 1.0  # MiB an hour that a process may grow
_LEAST_HOURS = 0.3  # of measurements, below which a slope is noise
_WARM_UPS = {"engine": 1200.0, "embeddings": 300.0}
"""Seconds of each process, in which its heap takes its shape; that of the engine went from 422 to 428 MiB."""

_SHARES = (0.5, 0.95, 0.99)
_KINDS = ("daemon", "engine", "embeddings")
_BAD = re.compile(r"^(?P<text>(?:\d\d:\d\d:\d\d (?:ERROR|CRITICAL)|Traceback|.*was never retrieved).*)$", re.MULTILINE)
_DIGITS = re.compile(r"^\S+ |0x[0-9a-f]+|\d+")
_KNOWN = ("engine", "Engine", "sign of life", "broker")  # errors of the log that faults of ours bring about


class Report(msgspec.Struct):
    """Everything that was found.

    Attributes:
        minutes: how long it took.
        faults: kind, seconds until all was well again.
        memory: figures of each kind of process; slopes in MiB an hour, after the warm-up. That of the floor, the least
            of each five minutes, is judged: what is under way, or goes back within the minute, is noise of 3 MiB.
        quiet: what was open each time that nobody asked anything.
        disk: MiB at the first and at the last look.
        log: lines of the daemon's log that tell of errors.
        failed: why it is not good enough; nothing: it is.
    """

    minutes: float
    steps: dict[str, int]
    faults: list[tuple[str, float]]
    expected: dict[str, int]
    unexpected: dict[str, int]
    whole: dict[str, list[float]]
    first: dict[str, list[float]]
    memory: dict[str, Any]
    quiet: list[dict[str, float]]
    disk: dict[str, tuple[float, float]]
    log: dict[str, int]
    failed: list[str] = []


def report(book: Book, samples: list[Sample], warm: float, log: Path) -> Report:
    """Put everything together; `warm` is the moment at which the warm-up ended."""
    expected, unexpected = book.errors()
    whole, first = book.times()
    found = Report(
        minutes=(samples[-1].at - samples[0].at) / 60,
        steps=dict(Counter(step.what for step in book.steps)),
        faults=[(fault.kind, round(fault.recovery, 2)) for fault in book.faults],
        expected=dict(expected),
        unexpected=dict(unexpected),
        whole=_shares(whole),
        first=_shares(first),
        memory={kind: _memory(samples, kind, warm) for kind in _KINDS if runs(samples, kind, "own")},
        quiet=[_opened(each) for each in samples if each.quiet and each.at >= warm],
        disk={part: (samples[0].disk.get(part, 0.0), size) for part, size in samples[-1].disk.items()},
        log=dict(Counter(_DIGITS.sub("", match["text"]) for match in _BAD.finditer(log.read_text(errors="replace")))),
    )
    found.failed = list(_complaints(found))
    return found


def _shares(times: Mapping[str, list[float]]) -> dict[str, list[float]]:
    return {what: [round(percentile(values, share), 3) for share in _SHARES] for what, values in sorted(times.items())}


def _memory(samples: list[Sample], kind: str, warm: float) -> dict[str, Any]:
    """Return the trends of a kind of process, each process of it warmed up."""
    warmed = list(_warmed(samples, kind, warm))
    figures: dict[str, Trend | float | None] = {"floor": trend(map(floor, runs(warmed, kind, "rest")))}
    for figure in ("own", "pss", "rest"):
        kept = runs(warmed, kind, figure)
        values = [value for run in kept for _, value in run]
        figures |= {figure: trend(kept), f"{figure} median": round(statistics.median(values), 1) if values else 0.0}
        everything = [value for run in runs(samples, kind, figure) for _, value in run]
        figures |= {f"{figure} peak": round(max(everything, default=0.0), 1)}
    return figures


def _warmed(samples: list[Sample], kind: str, warm: float) -> Iterator[Sample]:
    """Yield the moments at which the process of this kind was past its warm-up, which each engine has for itself."""
    began: dict[int, float] = {}
    for each in samples:
        process = each.processes.get(kind)
        if process is not None:
            began.setdefault(process.pid, each.at)
            if each.at >= max(warm, began[process.pid] + _WARM_UPS.get(kind, 0.0)):
                yield each


def _opened(moment: Sample) -> dict[str, float]:
    """Return what the daemon has open, and what it takes."""
    daemon = moment.processes["daemon"]
    inside = {name: value for name, value in daemon.inside.items() if isinstance(value, int | float)}
    own = {f"{kind} MiB": round(process.own, 2) for kind, process in moment.processes.items()}
    others = float(sum(process.files for kind, process in moment.processes.items() if kind == "engine"))
    return (
        {"at": round(moment.at), "files": daemon.files, "threads": daemon.threads, "engine files": others}
        | inside
        | own
    )


def _complaints(found: Report) -> Iterator[str]:
    for kind, figures in found.memory.items():
        judged: Trend | None = figures["floor"] or figures["rest"] or figures["own"]
        if judged is not None and judged.hours >= _LEAST_HOURS and judged.slope > _MOST:
            yield f"the {kind} grows by {judged.slope:.2f} MiB an hour"
    yield from (f"unexpected, {count} times: {error}" for error, count in found.unexpected.items())
    yield from (f"in the log, {count} times: {line}" for line, count in found.log.items() if not _excused(line))
    if len(found.quiet) > 1:
        first, last = found.quiet[0], found.quiet[-1]
        for figure in ("files", "threads", "tasks", "engine files"):
            if last.get(figure, 0) > first.get(figure, 0) and _grows([each.get(figure, 0) for each in found.quiet]):
                yield f"{figure} of the daemon: {first[figure]:g} at first, {last[figure]:g} at last, with nobody there"


def _grows(values: list[float]) -> bool:
    """Tell whether the second half of some values is above the first."""
    half = len(values) // 2
    return min(values[-half:]) > min(values[:half])


def _excused(line: str) -> bool:
    return "Traceback" not in line and any(word in line for word in _KNOWN)


def lines(found: Report) -> Iterator[str]:
    """Yield the report for people."""
    yield f"{found.minutes:.1f} minutes, {sum(found.steps.values())} steps"
    for kind, figures in found.memory.items():
        slopes = "  ".join(f"{name} {_slope(figures[name])}" for name in ("own", "pss", "rest", "floor"))
        yield f"{kind:10} {slopes}  median {figures['own median']} MiB, peak {figures['own peak']}"
    yield "\nseconds: median, 95 %, 99 %; first text"
    for what, times in found.whole.items():
        first = found.first.get(what)
        yield f"{what:18} {found.steps[what]:6}  {_row(times)}   {_row(first) if first else ''}"
    yield "\nrecovery, s"
    recovered = defaultdict(list)
    for kind, seconds in found.faults:
        recovered[kind].append(f"{seconds:g}")
    yield from (f"{kind:15} {' '.join(seconds)}" for kind, seconds in recovered.items())
    yield "\nerrors that a fault explains"
    yield from (f"{count:5} {error}" for error, count in found.expected.items())
    yield "\nlines of errors in the log"
    yield from (f"{count:5} {line[:150]}" for line, count in found.log.items())
    yield "\nwith nobody there"
    yield from ("  ".join(f"{name} {value:g}" for name, value in row.items()) for row in found.quiet)
    yield "\ndisk, MiB"
    yield from (f"{part:18} {before:8.2f} {after:8.2f}" for part, (before, after) in found.disk.items())
    yield "\n" + ("\n".join(f"NOT GOOD ENOUGH: {reason}" for reason in found.failed) or "good")


def _slope(found: Trend | None) -> str:
    if found is None:
        return "too short"
    return f"{found.slope:+.2f} MiB/h ({found.low:+.2f} to {found.high:+.2f}, {found.hours:.2f} h)"


def _row(times: list[float]) -> str:
    return " ".join(f"{seconds:8.3f}" for seconds in times)
