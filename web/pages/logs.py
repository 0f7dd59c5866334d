"""The log, for whoever looks after the device."""

import datetime as dt
import logging
from typing import Literal, TypeAlias

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import FromQuery

from agent.journal import Entry
from agent.node import Node
from web.page import PageRequest, page, wants_fragment

Level: TypeAlias = Literal["debug", "info", "warning", "error"]

_SHOWN = 500  # lines on the page; the file has all that are kept


@get("/logs", access="admin", sync_to_thread=False)
def show_logs(
    request: PageRequest, node: NamedDependency[Node], level: FromQuery[Level] = "info", q: FromQuery[str] = ""
) -> Response[str]:
    """Show the latest lines."""
    return _show(request, node, "logs.html", level, q)


@get("/logs/lines", access="admin", sync_to_thread=False)
def show_lines(
    request: PageRequest,
    node: NamedDependency[Node],
    level: FromQuery[Level] = "info",
    q: FromQuery[str] = "",
    after: FromQuery[int] = 0,
) -> Response[str]:
    """Show the latest lines again if there is something new; 204, which changes nothing on the page, if not."""
    if wants_fragment(request) and node.logs.last == after:
        return Response("", status_code=204)
    return _show(request, node, "logs/lines.html", level, q)


@get("/logs.txt", access="admin", sync_to_thread=False)
def download_logs(
    node: NamedDependency[Node], level: FromQuery[Level] = "debug", q: FromQuery[str] = ""
) -> Response[str]:
    """Send all lines that are kept as a text file."""
    lines = "".join(map(_line, node.logs.find(level=_number(level), text=q)))
    headers = {"Content-Disposition": 'attachment; filename="edgewise.log"'}
    return Response(lines, media_type=MediaType.TEXT, headers=headers)


def _show(request: PageRequest, node: Node, template: str, level: Level, text: str) -> Response[str]:
    entries = node.logs.find(level=_number(level), text=text)
    return page(
        request,
        template,
        entries=entries[-_SHOWN:],
        hidden=max(0, len(entries) - _SHOWN),
        level=level,
        text=text,
        last=node.logs.last,
        clock=_clock,
    )


def _number(level: Level) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _clock(entry: Entry) -> str:
    return dt.datetime.fromtimestamp(entry.time).astimezone().strftime("%H:%M:%S")


def _line(entry: Entry) -> str:
    moment = dt.datetime.fromtimestamp(entry.time).astimezone().isoformat(timespec="milliseconds")
    return f"{moment} {entry.severity.upper():7} {entry.logger}: {entry.text}\n"


ROUTES = [show_logs, show_lines, download_logs]
