"""What a hub can want of a device, key by key: checked, applied, and how it is at this moment."""

import logging
from collections.abc import Awaitable, Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from agent.errors import EdgewiseError
from agent.reloading import set_log_level
from agent.selection.policy import Preference, Use
from agent.telemetry.host import Host, Reports
from agent.telemetry.installing import Tell, install, installed_name
from agent.telemetry.jobs.serving import chosen, until_serves
from agent.wishes import AUTO

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
_LEVELS: Mapping[int, LogLevel] = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
}


class WantedTelemetry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How often the device reports, in seconds; as it is configured if that is missing."""

    interval_s: Annotated[float, Meta(ge=1, le=3600)] | None = None


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What can be wanted. What is missing is left as it is on the device.

    Attributes:
        model: installed or of the catalogue; `auto`: the best one.
        name: what the device is called.
        use: what the model is for.
        prefer: what counts when models are compared.
        log_level: least severe messages to log; as configured if that is missing.
    """

    model: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    name: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    use: Use | None = None
    prefer: Preference | None = None
    log_level: LogLevel | None = None
    telemetry: WantedTelemetry | None = None


def merged(state: object, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state after a merge patch (RFC 7386): null takes away, objects are merged, all else replaces."""
    result = dict(state) if isinstance(state, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value) if isinstance(value, dict) else value
    return result


def actual(host: Host, reports: Reports) -> Wanted:
    """Return how the device is, in the same words."""
    return Wanted(
        model=chosen(host) or AUTO,
        name=host.name,
        use=host.config.use,
        prefer=host.config.prefer,
        log_level=_LEVELS.get(logging.getLogger().level, host.config.log_level),
        telemetry=WantedTelemetry(reports.interval),
    )


def checked(state: Mapping[str, Any]) -> tuple[Wanted, dict[str, str]]:
    """Return what of a state can be applied, and what is wrong with the rest, by key."""
    good: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for key, value in state.items():
        try:
            msgspec.convert({key: value}, Wanted)
        except msgspec.ValidationError as error:
            errors[key] = f"{error}."
        else:
            good[key] = value
    return msgspec.convert(good, Wanted), errors


def apply_passing(wanted: Wanted, host: Host, reports: Reports) -> None:
    """Apply what is not kept anywhere else, also when it is no longer wanted."""
    set_log_level(wanted.log_level or host.config.log_level)
    reports.set_interval(wanted.telemetry.interval_s if wanted.telemetry else None)


async def apply_lasting(wanted: Wanted, host: Host, reports: Reports, tell: Tell) -> dict[str, str]:
    """Apply what the device keeps by itself, the model last; returns what cannot be, by key."""
    now = actual(host, reports)
    errors: dict[str, str] = {}
    for key in ("name", "use", "prefer"):
        value = getattr(wanted, key)
        if value is not None and value != getattr(now, key):
            errors |= await _tried(key, host.settings.change(**{key: value}))
    if wanted.model is not None and wanted.model != now.model:
        errors |= await _tried("model", _have(wanted.model, host, tell))
    return errors


async def _have(model: str, host: Host, tell: Tell) -> None:
    """Have a model serve that is installed or in the catalogue."""
    name = model if model == AUTO else installed_name(host, model)
    name = name or await install(host, model, "", tell, accept_licence=False)
    if full := host.use_model(name):
        await until_serves(host, full)


async def _tried(key: str, change: Awaitable[object]) -> dict[str, str]:
    try:
        await change
    except EdgewiseError as error:
        return {key: f"{error.message} {error.hint}".strip()}
    return {}
