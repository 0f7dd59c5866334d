"""What is said when a request fails: programs get JSON, people a page, htmx a notice for the page that is there."""

from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.response import Redirect

from agent.errors import EdgewiseError, SignInError
from agent.phrase import Phrase
from web.api.openai.errors import Failure, describe, to_response
from web.page import page, wants_fragment
from web.paths import is_api, path_of, within

_LOGIN = "/login"
_MISDIRECTED = 421
_BROKEN = ("error.broken", "error.broken_hint")
# What has happened and what to do, in words for everybody.
_TEXTS = {
    400: ("error.unusable", "error.unusable_hint"),
    401: ("error.stranger", "error.stranger_hint"),
    403: ("error.forbidden", "error.forbidden_hint"),
    404: ("error.not_found", "error.not_found_hint"),
    405: ("error.wrong_way", "error.wrong_way_hint"),
    413: ("error.too_large", "error.too_large_hint"),
    _MISDIRECTED: ("error.other_name", "error.other_name_hint"),
    429: ("error.too_many", "error.too_many_hint"),
    503: ("error.not_ready", "error.not_ready_hint"),
    507: ("error.unwritable", "error.unwritable_hint"),
}


def error_response(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Turn any exception into a response (the application's exception handler)."""
    path = request.scope["path"]  # not of its URL: a host that is none makes that fail
    if isinstance(error, SignInError) and not is_api(path):
        return _to_login(request)
    failure = describe(request, error)
    if is_api(path):
        return to_response(failure)
    return _shown(request, failure, error if isinstance(error, EdgewiseError) else None)


def _shown(request: Request[Any, Any, Any], failure: Failure, error: EdgewiseError | None) -> Response[Any]:
    """Return a page or a notice: what an error says comes with our texts, what it advises in place of them."""
    template, headers = "misdirected.html" if failure.status == _MISDIRECTED else "error.html", failure.headers
    if wants_fragment(request):
        template, headers = "notice.html", {**headers, "HX-Retarget": "#notices", "HX-Reswap": "innerHTML"}
    title, hint = _TEXTS.get(failure.status, _BROKEN)
    message = error.message if error else ""
    advice = error.hint if error and isinstance(error.hint, Phrase) else ""  # better our words than English ones
    context = {"title": title, "hint": hint, "message": message, "advice": advice}
    return page(request, template, status=failure.status, headers=headers, **context)


def _to_login(request: Request[Any, Any, Any]) -> Response[Any]:
    """Send somebody to the page where one signs in, and from there back to the page where they are."""
    if wants_fragment(request):
        address = _login_for(path_of(request.headers.get("hx-current-url", "")))
        return Response("", status_code=401, headers={"HX-Redirect": address})
    wanted = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return Redirect(_login_for(wanted if request.method == "GET" else "/"), status_code=303)


def _login_for(wanted: str) -> str:
    target = within(wanted)
    return _LOGIN if target == "/" else f"{_LOGIN}?next={quote(target, safe='/')}"
