"""How telemetry stands, for the pages, for programs and for `edgewise doctor`."""

import time
from typing import Literal, TypeAlias

import msgspec

from agent.config import Config
from agent.errors import ConfigError
from agent.telemetry.link import LinkStatus
from agent.telemetry.link.address import Address
from agent.telemetry.payloads import Quality
from agent.telemetry.reading import Backlog
from agent.telemetry.telemetry import Telemetry

State: TypeAlias = Literal["off", "impossible", "connecting", "connected", "waiting", "refused"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with reports. Times are in seconds.

    Attributes:
        state: waiting: for the next try; refused: the same, but it is somebody's turn to do something about it;
            impossible: it is not even tried.
        broker: its host and port; empty: none is named.
        since: for how long it has been so.
        retry: until the next try; None: none is planned.
        protocol: version of MQTT; empty: not known.
        reason: what is wrong, in a sentence; also set while connected, when the broker forbids something.
        hint: what to do about it.
        backlog: what waits for the broker; None: nothing is reported.
        trouble: why what waits is not safe on the disk; empty: it is.
        clock: who has told the time that reports are stamped with; empty: nothing is reported.
    """

    state: State
    broker: str = ""
    since: float = 0.0
    retry: float | None = None
    protocol: str = ""
    reason: str = ""
    hint: str = ""
    backlog: Backlog | None = None
    trouble: str = ""
    clock: Quality | Literal[""] = ""


def standing(telemetry: Telemetry, config: Config) -> Standing:
    """Return how it stands now."""
    if not config.mqtt_url:
        return Standing(state="off")
    broker = _place(config.mqtt_url)
    if telemetry.trouble:
        return Standing(
            state="impossible", broker=broker, reason=telemetry.trouble.message, hint=telemetry.trouble.hint
        )
    reporter = telemetry.reporter
    if reporter is None:  # it is being changed at this moment
        return Standing(state="connecting", broker=broker)
    link, now = reporter.link_status(), time.monotonic()
    return Standing(
        state=link.state,
        broker=broker,
        since=now - link.since,
        retry=_retry(link, now),
        protocol=link.protocol,
        reason=link.reason,
        hint=link.hint,
        backlog=reporter.backlog(),
        trouble=reporter.outbox_stats().trouble,
        clock=reporter.clock.now().quality,
    )


def _retry(link: LinkStatus, now: float) -> float | None:
    return max(0.0, link.next_try - now) if link.next_try else None


def _place(url: str) -> str:
    """Return host and port; empty for an address that cannot be used."""
    try:
        return str(Address(url, "").endpoint())
    except ConfigError:
        return ""
