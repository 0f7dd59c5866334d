"""Pages and fragments of pages, made from the templates.

Every template has, beside what its handler gives:

    t(key, **values)  a text in the language of whoever looks at the page (see `web.locale`)
    asset(name)       address of a file below `static`
    me                `Identity`, or None on the pages for strangers
    csrf              token that every form and htmx request carries
    device            what this device is called
    health            `Health`: what the node is doing now
    unwritable        `UnwritableError`: why nothing can be kept now, or None
    open_mode         whether everybody may do everything here (`auth = open`)
    said(text)        what Edgewise says by itself, in that language; see `web.said`
    sentence(text)    the same with a capital letter and a full stop
    fragment          whether htmx asks, which puts the answer into the page and reads what is in noscript
    title_of(name)    what people call an installed model
    secure            whether the connection is encrypted
    language, theme, path, languages
"""

import datetime as dt
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.enums import MediaType, RequestEncodingType
from litestar.params import Body
from markupsafe import Markup

from agent.node import Node
from agent.security.identity import Identity
from agent.units import format_bytes, format_duration
from web.assets import Assets
from web.locale import LANGUAGES, Texts, Translator, preferred
from web.packed import HEADERS, LEAST, Packed, takes_gzip
from web.said import said, sentence, with_code

PageRequest: TypeAlias = Request[Identity | None, Any, Any]
Form: TypeAlias = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
"""The fields of a form, by name."""

_ICON = Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>')
_NO_CLOCK = 1.7e9  # seconds since 1970, before there was this program
_DIRECTORY = Path(__file__).with_name("templates")


class Pages:
    """Renders templates for one node."""

    def __init__(self, node: Node, assets: Assets) -> None:
        self._node = node
        self._texts = Texts()
        self._environment = Environment(
            loader=FileSystemLoader(_DIRECTORY),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            bytes=format_bytes, duration=format_duration, moment=_moment, with_code=with_code
        )
        icons = assets.url("icons.svg")
        self._environment.globals.update(
            asset=assets.url,
            icon=lambda name: _ICON.format(icons, name),
            languages=LANGUAGES,
            open_mode=node.config.auth == "open",
        )

    def translator(self, request: PageRequest) -> Translator:
        """Return the texts in the language of whoever asks."""
        chosen = request.user.language if request.user else ""
        accept, default = request.headers.get("accept-language", ""), self._node.settings.device.language
        return Translator(self._texts, preferred(chosen, accept, default))

    def render(self, request: PageRequest, template: str, context: Mapping[str, object]) -> str:
        """Return a page or a fragment as HTML."""
        me, t = request.user, self.translator(request)
        values = {
            "t": t,
            "said": partial(said, t),
            "sentence": partial(sentence, t),
            "language": t.language,
            "theme": me.theme if me else "",
            "me": me,
            "csrf": me.csrf if me else "",
            "device": self._node.name,
            "health": self._node.health(),
            "unwritable": self._node.store.unwritable,
            "title_of": self._node.title,
            "secure": request.scope["scheme"] == "https",
            "fragment": wants_fragment(request),
            "path": request.scope["path"],  # not of its URL: a host that is none makes that fail
        }
        return self._environment.get_template(template).render({**values, **context})


def _moment(seconds: float) -> str:
    """Return a time since 1970 in local time, to the minute; a dash for one of a clock that nobody had set yet."""
    if seconds < _NO_CLOCK:
        return "-"
    return dt.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def page(
    request: PageRequest,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> Response[str]:
    """Return a rendered template as a response, compressed if that is worth it."""
    html = request.app.state.pages.render(request, template, context)
    if len(html) < LEAST or not takes_gzip(request):
        return Response(html, media_type=MediaType.HTML, status_code=status, headers=dict(headers or {}))
    return Packed(html, media_type=MediaType.HTML, status_code=status, headers={**(headers or {}), **HEADERS})


def translator(request: PageRequest) -> Translator:
    """Return the texts in the language of whoever asks."""
    texts: Translator = request.app.state.pages.translator(request)
    return texts


def wants_fragment(request: PageRequest) -> bool:
    """Tell whether htmx asks, which puts the answer into the page that is there."""
    return request.headers.get("hx-request") == "true"
