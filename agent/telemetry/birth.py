"""What the device says of itself after each connection."""

from collections.abc import Sequence

from agent.hostnames import reached_at
from agent.models import InstalledModel
from agent.telemetry import payloads
from agent.telemetry.catalogue import described
from agent.telemetry.clock import Stamp
from agent.telemetry.host import Host
from agent.telemetry.reading import Reading
from agent.telemetry.topics import Topics

_MB = 1_000_000


def birth(  # noqa: PLR0913 - what only telemetry knows
    host: Host, topics: Topics, reading: Reading, stamp: Stamp, *, boot: str, interval: float, commands: Sequence[str]
) -> payloads.Birth:
    """Return it as of now.

    Args:
        host: the device.
        topics: that it has.
        reading: of its metrics.
        stamp: of this moment.
        boot: this run of the daemon.
        interval: seconds between two reports.
        commands: that it understands.
    """
    return payloads.Birth(
        ts=stamp.ts,
        ts_q=stamp.quality,
        boot=boot,
        id=topics.device,
        name=host.name,
        site=host.config.mqtt_site,
        groups=list(host.config.mqtt_groups),
        agent=reading.health.version,
        hw=_hardware(host, reading),
        engine=_engine(host),
        ui=_address(host),
        cmds=sorted(commands),
        metrics=described(reading),
        interval=interval,
    )


def _hardware(host: Host, reading: Reading) -> payloads.Hardware:
    chosen = host.selection()
    provider = chosen.selection.provider if chosen else "cpu"
    return payloads.Hardware(
        profile=chosen.selection.profile if chosen else "",
        board=chosen.selection.board if chosen else "",
        ram_mb=reading.sample.total // _MB if reading.sample else 0,
        accelerators=[provider] if provider not in {"cpu", ""} else [],
    )


def _engine(host: Host) -> payloads.EngineFacts:
    model = host.model
    if model is None:
        return payloads.EngineFacts(host.config.engine, "", "", "", 0)
    serving = next(iter(host.names()), "")
    file = _installed(host, serving)
    return payloads.EngineFacts(
        backend=file.engine if file else host.config.engine,
        model=serving,
        quantization=file.quantization if file else "",
        sha256=file.sha256 if file else "",
        context=model.context,
    )


def _installed(host: Host, name: str) -> InstalledModel | None:
    return next((model for model in host.models.installed() if model.name == name), None)


def _address(host: Host) -> str:
    """Return where people find the pages: an address rather than a name, which not every network resolves."""
    scheme = "http" if host.config.tls == "off" else "https"
    ours = next(iter(reached_at(host.config.host)), None)
    if ours is None or not host.config.port:
        return ""
    return f"{scheme}://{f'[{ours}]' if ours.version == 6 else ours}:{host.config.port}/"  # noqa: PLR2004 - IPv6
