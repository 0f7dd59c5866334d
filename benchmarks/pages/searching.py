"""Search in 1000 conversations of 50 messages: milliseconds until the list of hits is there, medians; goal 100.

python -m benchmarks.pages.searching [--rounds N]
"""

import argparse
import statistics
import time
from urllib.parse import quote

from benchmarks.pages.filled import Filled, filled

_QUERIES = {
    "a word in every message": "step",
    "its first two letters": "st",
    "two words": "second ladder",
    "a word in one conversation": "brulee 731",
    "accents, typed without": "creme brulee",
    "accents, typed": "número de teléfono",
    "Chinese": "旅行",
    "Chinese, two words": "两天 计划",
    "Chinese, nowhere": "电话",
    "nowhere": "zymurgy",
}


def report(device: Filled, rounds: int) -> None:
    """Print a line per query."""
    with device.client() as client:
        for what, query in _QUERIES.items():
            times = []
            for _ in range(rounds + 1):
                begin = time.perf_counter()
                reply = client.get(f"/search?q={quote(query)}", headers={"HX-Request": "true"})
                times.append((time.perf_counter() - begin) * 1000)
            found = reply.raise_for_status().text.count("/c/")
            print(f"{statistics.median(times[1:]):7.1f}  {found:3} hits  {what} ({query})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    with filled() as device:
        report(device, parser.parse_args().rounds)


if __name__ == "__main__":
    main()
