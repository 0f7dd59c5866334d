"""Send a report for whoever has to find out what is wrong; without prompts, answers, passwords and keys."""

import logging
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.benchmark import Benchmark
from agent.config import Config
from agent.journal import Entry
from agent.state import Health
from agent.telemetry import catalogue
from agent.telemetry.calls import Call, Traits
from agent.telemetry.host import Host
from agent.telemetry.payloads import Quality, Value
from agent.telemetry.redacting import redacted

TRAITS = Traits(slow=True, again=True)
_LARGEST_LOG = 32_000  # bytes of all lines together, so that the report stays a small message
_LONGEST = 500  # characters of a line
_MODELS, _BENCHMARKS = 20, 3
_OWN_WORDS = {"name", "names", "mqtt_username"}  # settings that say who people are


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the log.

    Attributes:
        log_lines: the latest so many lines, as far as they fit.
        log_level: least severe ones.
    """

    log_lines: Annotated[int, Meta(ge=0, le=500)] = 100
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class Link(msgspec.Struct, frozen=True):
    """The connection to the broker: version of MQTT, connections made again, what is wrong."""

    protocol: str
    reconnects: int
    reason: str


class Waiting(msgspec.Struct, frozen=True):
    """What waits for the broker: items, bytes on disk, items given up, bytes written, and what is wrong."""

    rows: int
    bytes: int
    dropped: int
    written_bytes: int
    trouble: str


class Chosen(msgspec.Struct, frozen=True):
    """What selection has found: the model, why, what it is expected to do, and what has failed."""

    board: str
    profile: str
    wanted: str
    coming: str
    title: str
    reason: str
    decode: float | None
    usable_memory: int
    notes: list[str]
    failures: list[str]


class Model(msgspec.Struct, frozen=True):
    """An installed model."""

    name: str
    bytes: int
    quantization: str
    sha256: str


class Line(msgspec.Struct, frozen=True):
    """A line of the log: milliseconds since 1970, severity, who has written it, what."""

    ts: int
    level: str
    logger: str
    text: str


class Diagnostics(msgspec.Struct, frozen=True):
    """The report.

    Attributes:
        uptime: seconds since the daemon was started.
        metrics: by name, as in telemetry.
        settings: those that differ from the default.
        log: the latest lines, the oldest first.
    """

    id: str
    name: str
    ts: int
    ts_q: Quality
    version: str
    python: str
    system: str
    uptime: float
    health: Health
    metrics: dict[str, Value]
    chosen: Chosen | None
    models: list[Model]
    benchmarks: list[Benchmark]
    settings: dict[str, str]
    link: Link
    outbox: Waiting
    log: list[Line]


async def run(host: Host, args: Args, call: Call) -> Diagnostics:
    """Put the report together."""
    stamp, reading, status, waiting = (
        call.reports.clock.now(),
        host.reading(),
        call.reports.link_status(),
        call.reports.outbox_stats(),
    )
    return Diagnostics(
        id=host.id,
        name=host.name,
        ts=stamp.ts,
        ts_q=stamp.quality,
        version=reading.health.version,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        uptime=round(reading.uptime, 1),
        health=reading.health,
        metrics=catalogue.values(reading),
        chosen=_chosen(host),
        models=[Model(m.name, m.bytes, m.quantization, m.sha256) for m in host.models.installed()[:_MODELS]],
        benchmarks=host.benchmarks.results()[:_BENCHMARKS],
        settings=_settings(host.config),
        link=Link(status.protocol, status.reconnects, redacted(status.reason)),
        outbox=Waiting(waiting.rows, waiting.bytes, waiting.dropped, waiting.written_bytes, waiting.trouble),
        log=_lines(host.logs.find(level=_level(args.log_level)), args.log_lines),
    )


def _chosen(host: Host) -> Chosen | None:
    state = host.selection()
    if state is None:
        return None
    found = state.selection
    return Chosen(
        board=found.board,
        profile=found.profile,
        wanted=state.wanted,
        coming=str(state.coming),
        title=found.title,
        reason=str(found.reason),
        decode=found.predicted.decode if found.predicted else None,
        usable_memory=found.budget.usable,
        notes=[str(note) for note in found.notes],
        failures=[redacted(failure) for failure in state.failures],
    )


def _settings(config: Config) -> dict[str, str]:
    """Return the settings that somebody has made, as texts."""
    rows: dict[str, str] = {}
    for field in msgspec.structs.fields(Config):
        value, default = getattr(config, field.name), _default(field)
        if field.name not in _OWN_WORDS and value != default and not isinstance(value, Path):
            rows[field.name] = redacted(str(value))[:_LONGEST]
    return rows


def _default(field: msgspec.structs.FieldInfo) -> Any:  # noqa: ANN401 - of any type
    return field.default_factory() if callable(field.default_factory) else field.default


def _level(word: str) -> int:
    return logging.getLevelNamesMapping()[word.upper()]


def _lines(entries: Sequence[Entry], most: int) -> list[Line]:
    """Return the latest lines, as many as fit."""
    kept: list[Line] = []
    room = _LARGEST_LOG
    for entry in entries[: -most - 1 : -1]:
        line = Line(round(entry.time * 1000), entry.severity, entry.logger, redacted(entry.text)[:_LONGEST])
        room -= len(msgspec.json.encode(line))
        if room < 0:
            break
        kept.append(line)
    return kept[::-1]
