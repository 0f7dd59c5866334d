"""The people of this device: who there is, somebody new, and everything about one of them. For admins."""

import secrets
import time
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from agent.errors import InputError
from agent.node import Node
from agent.security.identity import Role
from agent.security.user_table import User
from web.ago import ago
from web.locale import Translator
from web.page import Form, PageRequest, page, translator

_PAGE = "/settings/people"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
_GROUPS, _OF_EACH = 4, 4  # 79 bits
_ERRORS = {"name": "people.name_wrong", "password": "settings.password_length", "role": "people.last_admin"}


@dataclass(frozen=True)
class _Row:
    """Somebody in the list."""

    id: str
    name: str
    role: Role
    seen: str


@get(_PAGE, access="admin")
async def show_people(
    request: PageRequest, node: NamedDependency[Node], *, removed: FromQuery[bool] = False
) -> Response[str]:
    """List everybody with an account."""
    return await _show_all(request, node, removed=removed)


@post(_PAGE, access="admin")
async def add_person(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str]:
    """Add somebody, and show the password this once if it was made up here."""
    name, role, password = data.get("name", ""), data.get("role", "user"), data.get("password", "")
    made_up = "" if password else made_up_password()
    try:
        made = await node.security.users.add(name, password or made_up, role)
    except InputError as error:
        errors = _errors(translator(request), error)
        return await _show_all(request, node, status=400, errors=errors, name=name, role=role)
    return await _show_all(request, node, made=made, secret=made_up)


@get(f"{_PAGE}/{{user_id:str}}", access="admin")
async def show_person(
    request: PageRequest, node: NamedDependency[Node], user_id: FromPath[str], changed: FromQuery[str] = ""
) -> Response[str]:
    """Show what can be done about somebody."""
    return _show_one(request, await node.security.users.get(user_id), changed=changed)


@post(f"{_PAGE}/{{user_id:str}}/role", access="admin")
async def change_role(
    request: PageRequest, node: NamedDependency[Node], user_id: FromPath[str], data: Form
) -> Response[str] | Redirect:
    """Change what somebody may do; their sessions end."""
    try:
        await node.security.users.set_role(user_id, data.get("role", ""))
    except InputError as error:
        return await _refuse(request, node, user_id, error)
    return Redirect(f"{_PAGE}/{user_id}?changed=role", status_code=303)


@post(f"{_PAGE}/{{user_id:str}}/password", access="admin")
async def reset_password(
    request: PageRequest, node: NamedDependency[Node], user_id: FromPath[str], data: Form
) -> Response[str] | Redirect:
    """Give somebody a new password, and show it this once if it was made up here."""
    made_up = "" if data.get("password") else made_up_password()
    try:
        await node.security.users.set_password(user_id, data.get("password") or made_up)
    except InputError as error:
        return await _refuse(request, node, user_id, error)
    return _show_one(request, await node.security.users.get(user_id), changed="password", secret=made_up)


@post(f"{_PAGE}/{{user_id:str}}/remove", access="admin")
async def remove_person(
    request: PageRequest, node: NamedDependency[Node], user_id: FromPath[str]
) -> Response[str] | Redirect:
    """Delete an account with its keys and chats."""
    try:
        await node.security.users.remove(user_id)
    except InputError as error:
        return await _refuse(request, node, user_id, error)
    node.chat.stop_all(user_id)
    return Redirect(f"{_PAGE}?removed=1", status_code=303)


def made_up_password() -> str:
    """Return a random password that can be read out, such as `k7wd-x3mq-9ayt-hn4c`."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_OF_EACH)) for _ in range(_GROUPS))


async def _show_all(request: PageRequest, node: Node, *, status: int = 200, **more: object) -> Response[str]:
    empty = {"removed": False, "errors": {}, "name": "", "role": "user", "made": None, "secret": ""}
    context: dict[str, Any] = {**empty, **more}
    t, now, accounts = translator(request), time.time(), node.security
    seen = {session.user_id: session.seen for session in reversed(await accounts.sessions.all())}
    people = [
        _Row(user.id, user.name, user.role, ago(t, seen.get(user.id), now)) for user in await accounts.users.list()
    ]
    return page(request, "people.html", status=status, tab="people", people=people, **context)


async def _refuse(request: PageRequest, node: Node, user_id: str, error: InputError) -> Response[str]:
    errors = _errors(translator(request), error)
    return _show_one(request, await node.security.users.get(user_id), status=400, errors=errors)


def _show_one(request: PageRequest, person: User, *, status: int = 200, **more: object) -> Response[str]:
    context: dict[str, Any] = {"changed": "", "secret": "", "errors": {}, **more}
    return page(request, "person.html", status=status, tab="people", person=person, role=person.role, **context)


def _errors(t: Translator, error: InputError) -> dict[str, str]:
    """Return what is wrong, by the field of the form."""
    ours = _ERRORS.get(error.field)
    return {error.field: t(ours) if ours else t.phrase(error.message) or error.message}


ROUTES = [show_people, add_person, show_person, change_role, reset_password, remove_person]
