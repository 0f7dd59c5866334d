"""What reporting to a fleet costs: network, disk, processor, memory; and how fast commands are answered.

    telemetry.py [--seconds N] [--pings N]

Three daemons with the echo engine run side by side for N seconds: one reports to a broker, one to a broker that is
away, one to nobody. They are compared over the same seconds. Days are those seconds, scaled.

wire idle     MB per day over the connection, MQTT in both directions, nobody chats; without the headers of TCP and IP
wire chat     the same with a question every two seconds
messages      that the device publishes per day, idle
hello         kB that a connection begins with: who the device is, and what Home Assistant is told
disk on       MB per day that the kernel writes for it, with a broker
disk away     the same without one
cpu on        percent of a core for telemetry, with a broker
cpu away      the same without one
memory        MiB of the daemon for telemetry (PSS)
ping p50/p99  ms from a command to its answer, both over the broker
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.footprint import cpu_seconds, pss
from benchmarks.servers import Server, daemon
from tests.telemetry.broker import Broker, broker, free_port
from tests.telemetry.observer import Observer, observer
from tests.telemetry.wire import Wire, wire

_DAY = 86_400.0
_WARM_UP = 60.0  # seconds: the model is loaded, the broker knows all, the first minute is on the disk
_MB = 1e6
_PAUSE = 2.0  # seconds between two questions
_DEVICE = "bench-1"
_OWN = f"edgewise/v1/{_DEVICE}"


@dataclass(frozen=True)
class Use:
    """What a daemon has used so far: seconds of processor time, and bytes written to disks."""

    cpu: float
    disk: int

    @classmethod
    def of(cls, pid: int) -> "Use":
        found = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        return cls(cpu_seconds(pid), int(found["write_bytes"]))


@dataclass(frozen=True)
class Trial:
    """Three daemons, and what the first of them is connected to."""

    on: Server
    away: Server
    off: Server
    cable: Wire
    hub: Observer

    def carried(self) -> int:
        return sum(self.cable.carried.values())


@contextmanager
def trial(folder: Path) -> Iterator[Trial]:
    """Run the daemons for the block."""
    with ExitStack() as stack:
        mosquitto: Broker = stack.enter_context(broker(folder))
        cable = stack.enter_context(wire(mosquitto.port))
        hub = stack.enter_context(observer(mosquitto.port, "edgewise/#", "homeassistant/#", "bench/#"))
        common = ("--engine", "echo", "--auth", "open", "--mqtt-id", _DEVICE)
        on = stack.enter_context(daemon(folder / "on", *common, "--mqtt-url", f"mqtt://127.0.0.1:{cable.port}"))
        away = stack.enter_context(daemon(folder / "away", *common, "--mqtt-url", f"mqtt://127.0.0.1:{free_port()}"))
        off = stack.enter_context(daemon(folder / "off", *common))
        yield Trial(on, away, off, cable, hub)


def idle(found: Trial, seconds: float) -> dict[str, float]:
    """Return what the same seconds cost each of the daemons while nobody asks anything."""
    servers = {"on": found.on, "away": found.away, "off": found.off}
    before = {name: Use.of(server.pid) for name, server in servers.items()}
    carried, messages, began = found.carried(), len(found.hub.messages), time.monotonic()
    time.sleep(seconds)
    days = (time.monotonic() - began) / _DAY
    after = {name: Use.of(server.pid) for name, server in servers.items()}
    cpu = {name: after[name].cpu - before[name].cpu for name in servers}
    disk = {name: after[name].disk - before[name].disk for name in servers}
    return {
        "wire idle": (found.carried() - carried) / days / _MB,
        "messages": (len(found.hub.messages) - messages) / days,
        **{f"disk {name}": (disk[name] - disk["off"]) / days / _MB for name in ("on", "away")},
        **{f"cpu {name}": (cpu[name] - cpu["off"]) / seconds * 100 for name in ("on", "away")},
    }


def chatting(found: Trial, seconds: float) -> float:
    """Return the MB per day over the connection while somebody asks."""
    carried, began = found.carried(), time.monotonic()
    body = {"messages": [{"role": "user", "content": "Count to ten."}], "max_tokens": 16}
    with httpx.Client(trust_env=False, timeout=30) as client:
        while time.monotonic() < began + seconds:
            client.post(f"{found.on.url}/v1/chat/completions", json=body).raise_for_status()
            time.sleep(_PAUSE)
    return (found.carried() - carried) / (time.monotonic() - began) * _DAY / _MB


def pings(hub: Observer, count: int) -> list[float]:
    """Return how many milliseconds each of some pings took, one after the other."""
    return [ping(hub, f"ping-{number}") for number in range(count)]


def ping(hub: Observer, name: str) -> float:
    began = time.perf_counter()
    hub.send(f"{_OWN}/cmd/ping", json.dumps({"id": name}), reply=f"bench/{name}")
    hub.wait(lambda: f"bench/{name}" in hub.topics()[-3:])
    return (time.perf_counter() - began) * 1000


def measure(folder: Path, seconds: float, count: int) -> dict[str, float]:
    """Return the figures by name."""
    with trial(folder) as found:
        found.hub.wait(lambda: f"{_OWN}/telemetry" in found.hub.topics(), 60)
        hello = found.carried()
        time.sleep(_WARM_UP)
        figures = idle(found, seconds)
        memory = (pss(found.on.pid) - pss(found.off.pid), pss(found.away.pid) - pss(found.off.pid))
        figures["wire chat"] = chatting(found, seconds / 2)
        took = statistics.quantiles(pings(found.hub, count), n=100)
    return {
        **figures,
        "hello": hello / 1000,
        "memory": max(memory),
        "ping p50": took[49],
        "ping p99": took[98],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--pings", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for figure, value in measure(Path(folder), options.seconds, options.pings).items():
            print(f"{figure:10} {value:10.2f}")


if __name__ == "__main__":
    main()
