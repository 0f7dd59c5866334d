"""What everybody sets for themselves: language, look, password, and what becomes of their chats."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect

from agent.errors import InputError, SignInError
from agent.node import Node
from web.page import Form, PageRequest, page, translator
from web.person import person

_PAGE = "/settings"


@get(_PAGE, access="guest", sync_to_thread=False)
def show_settings(request: PageRequest, saved: FromQuery[str] = "") -> Response[str]:
    """Show the settings of whoever asks; `saved` names what was changed a moment ago."""
    return _show(request, saved=saved)


@post(f"{_PAGE}/look", access="guest")
async def set_look(request: PageRequest, node: NamedDependency[Node], data: Form) -> Redirect:
    """Keep language and theme."""
    await node.security.users.set_language(person(request).user_id, data.get("language", ""))
    await node.security.users.set_theme(person(request).user_id, data.get("theme", ""))
    return _saved("look")


@post(f"{_PAGE}/password", access="guest")
async def change_password(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str] | Redirect:
    """Change the own password and end all other sessions."""
    t, me = translator(request), person(request)
    if data.get("new") != data.get("again"):
        return _show(request, status=400, errors={"again": t("settings.password_differs")})
    address = request.client.host if request.client else ""
    try:
        await node.security.check_password(me.name, data.get("current", ""), address=address)
        await node.security.users.set_password(me.user_id, data.get("new", ""), but=me.session)
    except SignInError:
        return _show(request, status=400, errors={"current": t("settings.password_wrong")})
    except InputError:
        return _show(request, status=400, errors={"new": t("settings.password_length")})
    return _saved("password")


@post(f"{_PAGE}/delete-chats", access="guest")
async def delete_chats(request: PageRequest, node: NamedDependency[Node]) -> Redirect:
    """Delete all conversations of whoever asks, for good."""
    await node.chat.delete_all(person(request).user_id)
    return _saved("chats")


def _show(
    request: PageRequest, *, status: int = 200, saved: str = "", errors: dict[str, str] | None = None
) -> Response[str]:
    return page(request, "settings.html", status=status, tab="you", saved=saved, errors=errors or {})


def _saved(what: str) -> Redirect:
    anchor = {"password": "password-card"}.get(what, what)
    return Redirect(f"{_PAGE}?saved={what}#{anchor}", status_code=303)


ROUTES = [show_settings, set_look, change_password, delete_chats]
