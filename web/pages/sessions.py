"""Where somebody is signed in, and how to end that."""

import time
from dataclasses import dataclass

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from agent.node import Node
from agent.security.session_table import Session
from web.ago import ago
from web.browsers import recognise
from web.locale import Translator
from web.page import PageRequest, page, translator
from web.person import person

_PAGE = "/settings/sessions"


@dataclass(frozen=True)
class _Row:
    """A session in words."""

    id: str
    title: str
    address: str
    since: str
    seen: str


@get(_PAGE, access="guest")
async def show_sessions(
    request: PageRequest, node: NamedDependency[Node], *, ended: FromQuery[bool] = False
) -> Response[str]:
    """List the sessions of whoever asks, the last used first."""
    t, now = translator(request), time.time()
    rows = [_row(t, session, now) for session in await node.security.sessions.list(person(request).user_id)]
    return page(request, "sessions.html", tab="sessions", sessions=rows, ended=ended)


@post(f"{_PAGE}/{{session_id:str}}/end", access="guest")
async def end_session(request: PageRequest, node: NamedDependency[Node], session_id: FromPath[str]) -> Redirect:
    """End one session; its open pages get nothing any more."""
    await node.security.sessions.revoke(session_id, by=person(request))
    return Redirect(f"{_PAGE}?ended=1", status_code=303)


@post(f"{_PAGE}/end-others", access="guest")
async def end_other_sessions(request: PageRequest, node: NamedDependency[Node]) -> Redirect:
    """End all sessions of whoever asks but for this one."""
    await node.security.sessions.revoke_all(person(request).user_id, but=person(request).session)
    return Redirect(f"{_PAGE}?ended=1", status_code=303)


def _row(t: Translator, session: Session, now: float) -> _Row:
    browser = recognise(session.agent)
    name = browser.name or t("sessions.unknown")
    title = t("sessions.browser_on", browser=name, system=browser.system) if browser.system else name
    since, seen = ago(t, session.created, now), ago(t, session.seen, now)
    return _Row(session.id, title, session.address, since, seen)


ROUTES = [show_sessions, end_session, end_other_sessions]
