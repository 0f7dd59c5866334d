"""A real daemon among simulated devices on one mosquitto, all on this machine.

    fleet.py [--devices N] [--pings N]

connected     seconds until all simulated devices were there
reports       per second, of all of them, every 10 s each
puback        milliseconds from a report to the broker's acknowledgement, as a simulated device sees it
round trip    milliseconds from a `ping` to the answer of the real daemon, as a hub sees it, once in 100 ms
daemon        per cent of a core, and MiB of memory (PSS), of the real daemon's process while it is asked
broker        the same of mosquitto
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from tests.fleet.measuring import many_files, measure
from tests.telemetry.broker import broker
from tests.web.daemon import daemon

REAL = "the-real-one"


def used(pid: int) -> float:
    """Return the seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Return the proportional set of a process in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=5000)
    parser.add_argument("--pings", type=int, default=600)
    options = parser.parse_args()
    with (
        many_files(),
        tempfile.TemporaryDirectory() as folder,
        broker(Path(folder)) as mosquitto,
        daemon(Path(folder) / "state", "--mqtt-url", mosquitto.url, "--mqtt-id", REAL) as real,
    ):
        processes = {"daemon": real.process.pid, "broker": mosquitto.pid}
        before, began = {name: used(pid) for name, pid in processes.items()}, time.perf_counter()
        found = asyncio.run(measure(mosquitto.port, REAL, options.devices, options.pings))
        seconds = time.perf_counter() - began
        print(*found.lines(), sep="\n")
        for name, pid in processes.items():
            print(f"{name:12} {(used(pid) - before[name]) / seconds * 100:8.1f} % of a core, {memory(pid):.1f} MiB")


if __name__ == "__main__":
    main()
