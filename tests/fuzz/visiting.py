"""A whole application in a loop that goes on from one example to the next, and what may be sent to it."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import msgspec
from hypothesis import strategies as st

from agent.chat.records import ChatSettings
from agent.security.identity import OPEN_USER
from tests.web.door.house import HOME, UNSAFE, House, Route, Visitor, house

TEMPLATES = Path(__file__).parents[2] / "web" / "templates"
ENDLESS = {"/events"}
MAY_FAIL = {503}  # no engine is started here
BOUNDARY = "b0"
KEPT = {
    "format": "edgewise-conversations",
    "version": 1,
    "conversations": [{"id": "1", "title": "t", "leaf": "a", "messages": [{"id": "a", "role": "user", "text": "x"}]}],
}

NAMES = sorted(
    {name for file in TEMPLATES.rglob("*.html") for name in re.findall(r'name="([a-z_]+)"', file.read_text())}
)
WORDS = st.sampled_from(
    [
        *(
            "",
            "0",
            "1",
            "-1",
            "9" * 5000,
            "1e999",
            "nan",
            "true",
            "auto",
            "echo",
            "..",
            "../../etc/passwd",
            "/",
            "\\",
            "%00",
        ),
        *(
            "\0",
            "\r\nSet-Cookie: a=b",
            "\ud7ff",
            "🦊",
            "ü",
            "\u202e",
            "{0}",
            "{{7*7}}",
            "<script>",
            "' OR 1=1 --",
            "a" * 3000,
        ),
        *(
            "//evil.example",
            "javascript:alert(1)",
            "1_nan_x",
            "1_inf_x",
            f"1_{'9' * 400}_x",
            "2_1e308_" + "x" * 100,
            "b:1:x",
        ),
        *(
            "debug",
            "mqtt://127.0.0.1:9",
            "user",
            "admin",
            "zh",
            "dark",
            "*",
            '"',
            "(",
            "a b",
            "NEAR(",
            "a*",
            "-a",
            "col:a",
        ),
    ]
)
TEXTS = WORDS | st.text(max_size=20).map(lambda text: text.encode(errors="replace").decode())
FIELDS = st.lists(st.tuples(st.sampled_from([*NAMES, "", "x", "csrf"]), TEXTS), max_size=6)
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(["after", "q", "level", "c", "m", "l", "next", "saved", "code", "deleted", "imported", "x"]),
        TEXTS,
    ),
    max_size=3,
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "hx-request": st.just("true"),
        "hx-current-url": TEXTS.map(lambda text: quote(text, safe="/:?=[]@")),
        "accept-language": st.sampled_from(
            ["de", "zh;q=nan", "en;q=1_0", ";q=", "*" * 200, "de;q=inf,fr;q=-1", "ü"]
        ).map(quote),
        "accept-encoding": st.sampled_from(["gzip", "gzip;q=0", "gzip;q=nan", "*;q=1e999", ""]),
        "last-event-id": st.sampled_from(["", ".", "a.1", "a." + "9" * 5000, "a.-1", "a.%C2%B2", "." * 3000]),
        "range": st.sampled_from(["bytes=0-", "bytes=9-1", "bytes=" + "9" * 400 + "-", "x"]),
    },
)


def _part(name: str, value: str, file: str | None) -> bytes:
    named = f'; filename="{file}"' if file is not None else ""
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n{value}\r\n'.encode()


PARTS = st.builds(
    _part, st.sampled_from([*NAMES, "", 'a"; x="']), TEXTS, st.none() | WORDS.map(lambda text: text.replace("\r\n", ""))
)
MULTIPART = st.lists(PARTS | st.binary(max_size=40), max_size=6).map(lambda parts: b"".join([*parts, b"--b0--\r\n"]))
CUT = st.builds(lambda body, end: body[: end % (len(body) + 1)], MULTIPART, st.integers(0, 4000))
KINDS = st.sampled_from(
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-7",
        "application/x-www-form-urlencoded; charset=nonsense",
        f"multipart/form-data; boundary={BOUNDARY}",
        f"multipart/form-data; boundary={BOUNDARY}; charset=utf-16",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary="' + "b" * 3000 + '"',
        "multipart/mixed; boundary=b0",
        "application/json",
        "text/plain",
        "",
        ";;;",
    ]
)
BODIES = FIELDS.map(lambda fields: urlencode(fields).encode()) | MULTIPART | CUT | st.binary(max_size=60)
SEGMENTS = st.just("=") | TEXTS.map(lambda text: quote(text, safe=""))


@dataclass(frozen=True)
class Sent:
    """A request, but for the route: what takes the place of its variable, headers, query, and a body of some kind."""

    segment: str
    headers: dict[str, str]
    query: list[tuple[str, str]]
    kind: str
    body: bytes


REQUESTS = st.builds(Sent, SEGMENTS, HEADERS, QUERIES, KINDS, BODIES)


class Place:
    """An application, and the loop in which it runs."""

    def __init__(self, runner: asyncio.Runner, device: House) -> None:
        self._runner = runner
        self._device = device
        self.routes = [route for route in device.routes() if route.path not in ENDLESS]

    def send(self, route: Route, sent: Sent) -> httpx.Response:
        """Send a request to a route."""
        more = {"content-type": sent.kind} if route.method in UNSAFE else {}
        body = sent.body if route.method in UNSAFE else b""
        return self.ask(route, sent.segment, visitor({**sent.headers, **more}), params=sent.query, content=body)

    def ask(self, route: Route, segment: str, visitor: Visitor, **request: Any) -> httpx.Response:  # noqa: ANN401 - of httpx
        """Send a request to a route, with a segment in place of what is variable in it; `=`: what is there."""
        kind = route.template.partition("{")[2].partition("_id")[0]
        if segment == "=":
            segment = self._runner.run(self._known(kind)) if kind in {"conversation", "message", "preset"} else "none"
        path = re.sub(r"{[^}]+}", lambda _: segment, route.template)
        return self._runner.run(self._device.ask(route.method, path, visitor, **request))

    async def _known(self, kind: str) -> str:
        """Return the id of a conversation, a message or a preset, which is made if there is none."""
        chat = self._device.node.chat
        if kind == "preset":
            made = await chat.presets.listed(OPEN_USER)
            return (made or [await chat.presets.add(OPEN_USER, name="a", system="b", settings=ChatSettings())])[0].id
        if not await chat.conversations.listed(OPEN_USER, limit=1):
            await chat.bring(OPEN_USER, msgspec.json.encode(KEPT))
        conversation = (await chat.conversations.listed(OPEN_USER, limit=1))[0]
        return conversation.id if kind != "message" else (await chat.thread(OPEN_USER, conversation.id))[0].id


@contextmanager
def place(state: Path, **settings: str) -> Iterator[Place]:
    """Run an application for the block."""
    with asyncio.Runner() as runner:
        opened = house(state, **settings)
        yield Place(runner, runner.run(opened.__aenter__()))
        runner.run(opened.__aexit__(None, None, None))


def visitor(headers: dict[str, str]) -> Visitor:
    """Return somebody with these headers, from a page of ours."""
    return Visitor({"origin": HOME, **headers})
