"""Time to the first byte of every page, signed in: median and 95th percentile in milliseconds.

    python -m benchmarks.pages.first_byte [--rounds N]

The pages are all that the route table can be asked for by GET but programs' and files. Each request has a connection
of its own, as the first of a browser has.
"""

import argparse
import re
import statistics
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from agent.config import Config
from agent.node import Node
from benchmarks.pages.filled import Filled, filled
from web.app import create_app

_GOAL = 50  # ms
_QUERIES = {"/search": "?q=hills", "/login": "?next=/settings", "/m/{message_id:str}/edit": ""}


def pages() -> list[str]:
    """Return the templates of all addresses that show something to people."""
    with tempfile.TemporaryDirectory() as state:
        app = create_app(Node(Config(state_dir=Path(state), engine="echo", offline=True), {}))
    handlers = [(route.path, handler) for route in app.routes for handler in getattr(route, "route_handlers", [])]
    shown = {path for path, handler in handlers if "GET" in handler.http_methods and not _for_programs(handler.opt)}
    return sorted(shown - {"/static/{path:path}"})


def _for_programs(options: dict[str, str]) -> bool:
    return options["access"].startswith("key:")


def address(template: str, device: Filled) -> str:
    """Return an address that leads there."""
    message = device.question if template.endswith("/edit") else device.answer
    values = {"conversation_id": device.conversation, "message_id": message, "user_id": device.user, "step": "name"}
    return re.sub(r"{(\w+):\w+}", lambda found: values[found[1]], template) + _QUERIES.get(template, "")


def first_byte(device: Filled, path: str) -> tuple[float, int]:
    """Return milliseconds to the first byte of the body, and the status."""
    connection = HTTPConnection(device.server.url.removeprefix("http://"), timeout=60)
    try:
        begin = time.perf_counter()
        connection.request("GET", path, headers={"Cookie": device.cookie, "Accept-Encoding": "gzip"})
        response = connection.getresponse()
        response.read(1)
        return (time.perf_counter() - begin) * 1000, response.status
    finally:
        connection.close()


def measure(device: Filled, template: str, rounds: int) -> tuple[float, float, int]:
    """Return median, 95th percentile and status of a page, after one request that does not count."""
    path = address(template, device)
    _, status = first_byte(device, path)
    times = sorted(first_byte(device, path)[0] for _ in range(rounds))
    return statistics.median(times), times[int(0.95 * (rounds - 1))], status


def report(device: Filled, rounds: int) -> None:
    """Print a line per page, the slowest first."""
    rows = sorted(((*measure(device, template, rounds), template) for template in pages()), reverse=True)
    for median, high, status, template in rows:
        print(f"{median:7.1f} {high:7.1f}  {status} {template}{'  too slow' if median > _GOAL else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    with filled() as device:
        report(device, parser.parse_args().rounds)


if __name__ == "__main__":
    main()
