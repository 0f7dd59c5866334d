"""The network: reports to the broker, and being found."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from agent.cli.daemon import connection
from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.config import Config
from agent.device import DeviceSettings
from agent.errors import ConfigError
from agent.store import Store
from agent.telemetry.link.address import Address
from agent.telemetry.link.trouble import unreachable
from agent.telemetry.standing import Standing
from agent.units import format_bytes, format_duration

_ASK = 3.0  # seconds for the daemon and for the broker to answer


class _Announced(msgspec.Struct):
    state: Literal["off", "waiting", "announced", "failed"]
    name: str
    reason: str
    hint: str


class _Told(msgspec.Struct):
    """What we want of `GET /api/edgewise/telemetry`."""

    reports: Standing
    discovery: _Announced


def look(case: Case) -> Iterator[Finding]:
    """Ask the running daemon; without one, see whether there is somebody to report to."""
    told = _asked(case.config) if case.answer == "well" else None
    if told is None:
        if case.answer != "silent":
            yield from _broker(asyncio.run(_in_force(case.config, case.origins)))
        return
    yield from _reports(told.reports)
    yield _announced(told.discovery)


def _asked(config: Config) -> _Told | None:
    """Return what the daemon tells; None when none runs, or not to us."""
    import httpx

    try:
        with httpx.Client(**connection(config), timeout=_ASK) as client:
            reply = client.get("/api/edgewise/telemetry")
        return msgspec.json.decode(reply.raise_for_status().content, type=_Told)
    except (httpx.HTTPError, msgspec.MsgspecError, ConfigError):
        return None


def _reports(now: Standing) -> Iterator[Finding]:
    if now.state == "off":
        yield ok("telemetry: off, nothing is reported to anybody")
        return
    place, since = f"broker {now.broker}".rstrip(), format_duration(now.since)
    retry = "" if now.retry is None else f" Next try in {format_duration(now.retry)}."
    what = {
        "connected": f"connected for {since}, MQTT {now.protocol}",
        "connecting": "the connection is being made",
        "impossible": "it is not tried",
    }.get(now.state, f"{'refused' if now.state == 'refused' else 'no connection'} for {since}")
    said = f"{place}: {what}{f'. {now.reason}' if now.reason else ''}"
    if now.state in {"connected", "connecting"} and not now.reason:
        yield ok(said, public=f"broker: {what}")
    else:
        yield bad("broker", said, f"{now.hint}{retry}".strip(), public=f"broker: {what}")
    yield from _outbox(now)


def _outbox(now: Standing) -> Iterator[Finding]:
    if now.backlog is None:
        return
    waiting, age = now.backlog, format_duration(now.backlog.age)
    rows = f"{waiting.rows} reports wait, the oldest for {age}" if waiting.rows else "nothing waits"
    said = f"outbox: {rows}, {format_bytes(waiting.bytes)} on disk"
    if waiting.dropped:
        dropped = f"{said}; {waiting.dropped} were given up since the start, to make room"
        yield warn("outbox", dropped, "see to the broker, or give reports more room: `outbox_mb`")
    else:
        yield ok(said)
    if now.trouble:
        yield bad("outbox", f"outbox: {now.trouble}", "free space in the state directory")


def _announced(now: _Announced) -> Finding:
    if now.state == "announced":
        return ok(f"found in the network as {now.name}", public="found in the network")
    if now.state == "off":
        return ok("not announced in the network")
    if now.state == "waiting":
        return ok(f"discovery: {now.reason}", now.hint, public="discovery: waiting")
    return warn("discovery", f"discovery: {now.reason}", now.hint)


async def _in_force(config: Config, origins: Mapping[str, str]) -> Config:
    """Return the configuration with what was set on the pages, if anything ever was."""
    path = config.state_dir / "app.db"
    if not path.is_file():
        return config
    store = Store(path)
    try:
        store.open()
        settings = DeviceSettings(store, config, origins)
        await settings.load()
        return settings.config
    finally:
        store.close()


def _broker(config: Config) -> Iterator[Finding]:
    """See whether somebody listens where the broker should be. It is not spoken to: that is the daemon's part."""
    if not config.mqtt_url:
        yield ok("telemetry: off, nothing would be reported to anybody")
        return
    try:
        place = Address(config.mqtt_url, "", ca=config.mqtt_ca, cert=config.mqtt_cert, key=config.mqtt_key).endpoint()
    except ConfigError as error:
        yield bad("broker", error.message, error.hint, public="broker: its address cannot be used")
        return
    try:
        socket.create_connection((place.host, place.port), timeout=_ASK).close()
    except (OSError, UnicodeError) as error:
        trouble = unreachable(error, place)
        yield bad("broker", f"broker {place}: {trouble.reason}", trouble.hint, public="broker: it cannot be reached")
    else:
        words = "somebody listens there; the daemon would say whether it is let in"
        yield ok(f"broker {place}: {words}", public=f"broker: {words}")
