"""API keys: who has which, a new one, and how to revoke one."""

import time
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from agent.errors import InputError
from agent.node import Node
from agent.security.identity import SCOPES, Scope
from web.ago import ago
from web.page import Form, PageRequest, page, translator
from web.person import person

_PAGE = "/settings/keys"


@dataclass(frozen=True)
class _Row:
    """A key in words; `owner` is empty when it is of whoever looks."""

    id: str
    name: str
    ending: str
    scopes: tuple[Scope, ...]
    used: str
    owner: str


@get(_PAGE, access="user")
async def show_keys(
    request: PageRequest, node: NamedDependency[Node], *, revoked: FromQuery[bool] = False
) -> Response[str]:
    """List the keys of whoever asks; to admins those of everybody."""
    return await _show(request, node, revoked=revoked)


@post(_PAGE, access="user")
async def create_key(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str]:
    """Make a key and show it, this once."""
    me, name = person(request), data.get("name", "")
    scopes = [scope for scope in SCOPES if f"scope_{scope}" in data] if me.has_role("admin") else ["chat"]
    try:
        made, secret = await node.security.keys.create(name, scopes, me.user_id)
    except InputError:
        return await _show(request, node, status=400, error=translator(request)("keys.wrong"), name=name)
    return await _show(request, node, made=made, secret=secret)


@post(f"{_PAGE}/{{key_id:str}}/revoke", access="user")
async def revoke_key(request: PageRequest, node: NamedDependency[Node], key_id: FromPath[str]) -> Redirect:
    """Delete a key, which is refused from now on."""
    await node.security.keys.revoke(key_id, by=person(request))
    return Redirect(f"{_PAGE}?revoked=1", status_code=303)


async def _show(request: PageRequest, node: Node, *, status: int = 200, **more: object) -> Response[str]:
    context: dict[str, Any] = {"revoked": False, "error": "", "name": "", "made": None, "secret": "", **more}
    address = f"{request.url.scheme}://{request.url.netloc}/v1"
    keys = await _rows(request, node)
    return page(request, "keys.html", status=status, tab="keys", keys=keys, address=address, **context)


async def _rows(request: PageRequest, node: Node) -> list[_Row]:
    me, t, now = person(request), translator(request), time.time()
    accounts, owners = node.security, dict[str | None, str]()
    if me.has_role("admin"):
        owners = {user.id: user.name for user in await accounts.users.list() if user.id != me.user_id}
        owners[None] = t("keys.command_line")
    keys = await (accounts.keys.all() if me.has_role("admin") else accounts.keys.list(me.user_id))
    return [
        _Row(key.id, key.name, key.ending, key.scopes, ago(t, key.used, now), owners.get(key.user_id, ""))
        for key in keys
    ]


ROUTES = [show_keys, create_key, revoke_key]
