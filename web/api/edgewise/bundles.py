"""`/api/edgewise/bundle`: signed updates. The body of the request is the file, as it is."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from agent.bundles.applying import roll_back
from agent.bundles.journal import Applied, read_record
from agent.node import Node
from web.bundles import afterwards, place_of, take

_PATH = "/api/edgewise/bundle"


class InForce(msgspec.Struct, frozen=True):
    """What was applied: the version in force of each line of updates, and the last update; None: it was taken back."""

    versions: dict[str, int]
    last: Applied | None


@get(_PATH, access="key:admin")
async def show_bundles(node: NamedDependency[Node]) -> InForce:
    """Return which updates are in force."""
    record = read_record(place_of(node))
    return InForce(record.versions, record.last)


@post(_PATH, access="key:admin", status_code=200, request_max_body_size=None)
async def apply_bundle(
    request: Request[Any, Any, Any],
    node: NamedDependency[Node],
    dry_run: FromQuery[bool] = False,  # noqa: FBT002 - litestar passes it by name
) -> Response[InForce]:
    """Apply an update as it arrives; with `dry_run` only check it."""
    await take(node, request.stream(), dry_run=dry_run)
    record = read_record(place_of(node))
    return Response(InForce(record.versions, record.last), background=None if dry_run else afterwards(node))


@delete(_PATH, access="key:admin", status_code=200)
async def take_back(node: NamedDependency[Node]) -> Applied:
    """Take the last update back, and return it."""
    return await asyncio.to_thread(roll_back, place_of(node))


ROUTES: list[Any] = [show_bundles, apply_bundle, take_back]
