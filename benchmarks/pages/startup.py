"""Start and memory of the daemon beside those of another checkout, in one run, in turn.

    python -m benchmarks.pages.startup [--other CHECKOUT]... [--rounds N]

start    seconds from the start of the process to the first 200 of `/healthz`; echo engine
work     seconds that the daemon has computed until then; other programs on the machine disturb it less
memory   PSS of the daemon a second later, MiB
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import footprint, servers

_FLAGS = ("--engine", "echo", "--host", "127.0.0.1")


def one_round(checkout: Path) -> tuple[float, ...]:
    with tempfile.TemporaryDirectory() as state, servers.daemon(Path(state), *_FLAGS, checkout=checkout) as server:
        work = footprint.cpu_seconds(server.pid)
        time.sleep(1)
        return server.seconds, work, footprint.pss(server.pid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", type=Path, action="append", default=[])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    checkouts = [servers.HERE, *(other.resolve() for other in options.other)]
    rows: dict[Path, list[tuple[float, ...]]] = {checkout: [] for checkout in checkouts}
    for number in range(-1, options.rounds):  # the first round compiles and fills the page cache
        for checkout in checkouts:
            row = one_round(checkout)
            if number >= 0:
                rows[checkout].append(row)
    for checkout, measured in rows.items():
        start, work, memory = (statistics.median(column) for column in zip(*measured, strict=True))
        print(f"{checkout.name:10} start {start:6.3f} s   work {work:6.3f} s   memory {memory:6.1f} MiB")


if __name__ == "__main__":
    main()
