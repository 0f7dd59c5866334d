"""How long it takes to choose a model: medians in milliseconds, with files cached and the processor measured before.

    selection.py [--rounds N] [--json]

probe            reading /proc and /sys
profiles, match  reading all firmware profiles, and taking the one that fits
catalogue        reading all families
offers           shapes of all files
select           judging them all, for this computer
command          `edgewise select --json`, a process from beginning to end
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agent.catalog import load_catalog
from agent.config import Config, engine_environment
from agent.hardware import probe
from agent.measurements import Measurements
from agent.models import ModelStore
from agent.offers import offers
from agent.profiles import built_in, load_profiles, match
from agent.selection import Policy, select
from agent.survey import Surveyor

_COMMAND = [sys.executable, "-c", "from agent.cli import main; main()", "select", "--json", "--state-dir"]


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """Return the median of some rounds, after one that does not count."""
    work()
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds) * 1000


def measure(state_dir: Path, rounds: int) -> dict[str, float]:
    config, catalog = Config(state_dir=state_dir), load_catalog()
    store, measurements = ModelStore(config.models_dir), Measurements(state_dir / "measurements.json")
    machine = asyncio.run(Surveyor(config, measurements, engine_environment()).survey())
    if not (state_dir / "measurements.json").exists():
        raise SystemExit("Other programs keep the processor busy; nothing measured now would be worth reading.")
    hardware, found = probe(storage=state_dir), offers(catalog, store)
    command = [*_COMMAND, str(state_dir)]
    steps: dict[str, Callable[[], object]] = {
        "probe": lambda: probe(storage=state_dir),
        "profiles, match": lambda: match(hardware, load_profiles(built_in())),
        "catalogue": load_catalog,
        "offers": lambda: offers(catalog, store),
        "select": lambda: select(found, machine, Policy()),
        "command": lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL),
    }
    return {step: milliseconds(work, rounds) for step, work in steps.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options, _ = parser.parse_known_args()  # `make bench` passes the same arguments to all
    with tempfile.TemporaryDirectory() as state_dir:
        result = measure(Path(state_dir), options.rounds)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for step, median in result.items():
        print(f"{step:16} {median:7.1f}")


if __name__ == "__main__":
    main()
