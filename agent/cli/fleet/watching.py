"""`edgewise fleet watch`: every device on a broker, as it is now."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from agent.cli import settings
from agent.cli.fleet import screen, view
from agent.cli.fleet.place import add_flags, listening
from agent.cli.style import style
from agent.config import Config
from agent.fleet.device import News
from agent.fleet.fleet import Fleet
from agent.fleet.row import Row, row
from agent.telemetry.message import Incoming

if TYPE_CHECKING:
    from agent.telemetry.link.link import Link

_TICK = 0.5  # seconds between two drawings
_QUIET, _LONGEST = 0.5, 10.0  # seconds: without anything that was retained, and at most
_END = ("q", "\x1b", "\x04")  # q, Escape, Ctrl-D
_ON = (" ", "n", "\x1b[B", "\x1b[C", "\x1b[6~")  # space, n, down, right, page down
_BACK = ("b", "p", "\x1b[A", "\x1b[D", "\x1b[5~")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("watch", help="show the devices on a broker: status, model, speed, heat, losses")
    parser.add_argument("--once", action="store_true", help="print what is known now, and end; 1 if there is no device")
    parser.add_argument("--json", action="store_true", help="print JSON; without --once a line for each news")
    add_flags(parser)
    settings.add(parser, "state_dir")
    parser.set_defaults(handler=watch)


def watch(options: argparse.Namespace, config: Config) -> int:
    """Show the fleet until Ctrl-C: as a table on a terminal, else as a line for each thing that happens."""
    if options.once:
        return asyncio.run(_once(config, as_json=options.json))
    if options.json or not screen.can_be_drawn():
        return asyncio.run(_follow(config, as_json=options.json))
    return asyncio.run(_live(config))


@dataclass
class _Watch:
    """What was heard.

    Attributes:
        retained_at: when the broker last told what it had kept.
        changed: devices of which something was heard since the last look.
        news: what has happened since then.
    """

    fleet: Fleet
    retained_at: float = field(default_factory=time.monotonic)
    changed: set[str] = field(default_factory=set)
    news: list[News] = field(default_factory=list)

    def hear(self, message: Incoming) -> None:
        """Take note of a message."""
        if message.retain:
            self.retained_at = time.monotonic()
        self.news += self.fleet.hear(message, _now())
        self.changed.add(self.fleet.place(message.topic))

    async def quiet(self) -> None:
        """Wait until the broker has told what it had kept."""
        while (left := self.retained_at + _QUIET - time.monotonic()) > 0:  # noqa: ASYNC110 - a pause, no event
            await asyncio.sleep(left)

    def rows(self) -> list[Row]:
        """Return all devices."""
        return [row(device, _now()) for device in self.fleet.devices.values()]

    def latest(self) -> list[str]:
        """Return the devices of which something was heard since the last time, as JSON."""
        changed, self.changed = self.changed & self.fleet.devices.keys(), set()
        return [msgspec.json.encode(row(self.fleet.devices[each], _now())).decode() for each in sorted(changed)]

    def told(self) -> list[str]:
        """Return what has happened since the last time, in a line each."""
        news, self.news = self.news, []
        clock = time.strftime("%H:%M:%S")
        return [f"{clock}  {view.plain(each.device)}  {view.plain(each.what)}" for each in news]


async def _once(config: Config, *, as_json: bool) -> int:
    watch = _Watch(Fleet(config.mqtt_prefix))
    async with listening(config, watch.fleet.subscriptions(), watch.hear) as (link, ears):
        await ears.wait(link)
        watch.retained_at = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST):
                await watch.quiet()
    rows = sorted(watch.rows(), key=lambda each: each.id)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
    elif rows:
        print("\n".join([*view.lines(rows, screen.size().columns, _now(), style()), "", view.summary(rows)]))
    else:
        print(f"No device has reported to this broker below {config.mqtt_prefix}/.")
    return 0 if rows else 1


async def _follow(config: Config, *, as_json: bool) -> int:
    watch, connection = _Watch(Fleet(config.mqtt_prefix)), ""
    async with listening(config, watch.fleet.subscriptions(), watch.hear) as (link, ears):
        await ears.wait(link)
        while True:
            await asyncio.sleep(_TICK)
            now_said = _connection(link)
            if now_said != connection:
                connection = now_said
                print(f"edgewise: {connection or 'connected again'}", file=sys.stderr)
            for line in watch.latest() if as_json else watch.told():
                print(line, flush=True)


async def _live(config: Config) -> int:
    watch, page, ending = _Watch(Fleet(config.mqtt_prefix)), 0, asyncio.Event()

    def pressed(key: str) -> None:
        nonlocal page
        if key in _END:
            ending.set()
        page += {**dict.fromkeys(_ON, 1), **dict.fromkeys(_BACK, -1)}.get(key, 0)

    async with listening(config, watch.fleet.subscriptions(), watch.hear) as (link, ears):
        await ears.wait(link)
        with screen.taken(pressed):
            while not ending.is_set():
                watch.news.clear()
                page = _show(watch.rows(), link, page)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_TICK):
                        await ending.wait()
    return 0


def _show(rows: Sequence[Row], link: "Link", page: int) -> int:
    """Draw one page of the table, and return which."""
    columns, height = screen.size()
    room = max(1, height - 4)  # summary, head, an empty line, keys
    page = max(0, min(page, (len(rows) - 1) // room))
    head, *table = view.lines(rows, columns, _now(), style())
    shown = table[page * room : (page + 1) * room]
    first = page * room + 1
    where = f"{first}-{first + len(shown) - 1} of {len(table)} · " if len(table) > room else ""
    complaint = _connection(link)
    top = style().bad(view.cut(complaint, columns - 1)) if complaint else view.cut(view.summary(rows), columns - 1)
    keys = style().dim(f"{where}{'space: on · b: back · ' if where else ''}q: end")
    screen.draw([top, head, *shown, *[""] * (room - len(shown)), "", keys])
    return page


def _connection(link: "Link") -> str:
    """Return what is wrong with the connection; nothing if there is one."""
    return "" if link.status.state == "connected" else str(link.status.reason) or "connecting"


def _now() -> int:
    return int(time.time() * 1000)
