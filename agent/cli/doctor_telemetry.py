"""What `edgewise doctor` finds out about reports to the broker, the clock they are stamped by, and being found."""

import asyncio
import socket
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from agent.cli.daemon import connection
from agent.cli.finding import Finding
from agent.config import Config
from agent.device import DeviceSettings
from agent.errors import ConfigError, StoreError
from agent.store import Store
from agent.telemetry.clock import WRITTEN
from agent.telemetry.kernel_time import KernelTime
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


def telemetry(config: Config, origins: Mapping[str, str]) -> Iterator[Finding]:
    """Ask the running daemon; without one, see whether there is somebody to report to.

    Args:
        config: what the command was started with.
        origins: for each setting where its value came from.
    """
    yield _clock()
    told = _asked(config)
    if told is None:
        try:
            yield from _broker(asyncio.run(_in_force(config, origins)))
        except StoreError as error:
            yield Finding(good=False, what=error.message, advice=error.hint)
        return
    yield from _reports(told.reports)
    yield _announced(told.discovery)


def _clock() -> Finding:
    clock = KernelTime()
    if clock.synchronised():
        return Finding(good=True, what="clock: set by the network")
    advice = "reports are stamped with estimates, and corrected once the network or the hub has told the time"
    if clock.wall() < WRITTEN:
        return Finding(good=False, what="clock: wrong, and not set by the network", advice=f"see to NTP; {advice}")
    return Finding(good=True, what="clock: nobody says that the network has set it", advice=advice)


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
        yield Finding(good=True, what="telemetry: off, nothing is reported to anybody")
        return
    place, since = f"broker {now.broker}".rstrip(), format_duration(now.since)
    retry = "" if now.retry is None else f" Next try in {format_duration(now.retry)}."
    what = {
        "connected": f"connected for {since}, MQTT {now.protocol}",
        "connecting": "the connection is being made",
        "impossible": "it is not tried",
    }.get(now.state, f"{'refused' if now.state == 'refused' else 'no connection'} for {since}")
    good = now.state in {"connected", "connecting"} and not now.reason
    yield Finding(good, f"{place}: {what}{f'. {now.reason}' if now.reason else ''}", f"{now.hint}{retry}".strip())
    yield from _outbox(now)


def _outbox(now: Standing) -> Iterator[Finding]:
    if now.backlog is None:
        return
    waiting, age = now.backlog, format_duration(now.backlog.age)
    rows = f"{waiting.rows} reports wait, the oldest for {age}" if waiting.rows else "nothing waits"
    dropped = f"; {waiting.dropped} were given up since the start, to make room" if waiting.dropped else ""
    yield Finding(good=True, what=f"outbox: {rows}, {format_bytes(waiting.bytes)} on disk{dropped}")
    if now.trouble:
        yield Finding(good=False, what=f"outbox: {now.trouble}", advice="free space in the state directory")


def _announced(now: _Announced) -> Finding:
    if now.state == "announced":
        return Finding(good=True, what=f"found in the network as {now.name}")
    if now.state == "off":
        return Finding(good=True, what="not announced in the network")
    return Finding(good=now.state == "waiting", what=f"discovery: {now.reason}", advice=now.hint)


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
        yield Finding(good=True, what="telemetry: off, nothing would be reported to anybody")
        return
    try:
        place = Address(config.mqtt_url, "", ca=config.mqtt_ca, cert=config.mqtt_cert, key=config.mqtt_key).endpoint()
    except ConfigError as error:
        yield Finding(good=False, what=error.message, advice=error.hint)
        return
    try:
        socket.create_connection((place.host, place.port), timeout=_ASK).close()
    except (OSError, UnicodeError) as error:
        trouble = unreachable(error, place)
        yield Finding(good=False, what=f"broker {place}: {trouble.reason}", advice=trouble.hint)
    else:
        yield Finding(
            good=True, what=f"broker {place}: somebody listens there; the daemon would say whether it is let in"
        )
