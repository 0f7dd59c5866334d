"""The document about the API says what is so: which handlers there are, what they take and what they answer."""

import asyncio
import re
from http import HTTPMethod
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from agent.config import Config
from agent.node import Node
from tests.web.daemon import Daemon, chat
from tests.web.documented import PLACE, assert_documented
from tests.web.door.house import Visitor, house
from web.app import create_app
from web.paths import is_api

CHAT, TEXT, VECTORS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
EDGEWISE = "/api/edgewise"
USAGE = {"stream": True, "stream_options": {"include_usage": True}}
ASKED: dict[str, tuple[str, object]] = {
    "a chat": (CHAT, chat("abc")),
    "a chat without /v1": ("/chat/completions", chat("abc")),
    "several answers": (CHAT, chat("abc", n=2)),
    "probabilities": (CHAT, chat("abc", logprobs=True, top_logprobs=2)),
    "a stream": (CHAT, chat("abc", **USAGE)),
    "a stream with all there is": (
        CHAT,
        chat("abc", n=2, logprobs=True, top_logprobs=1, return_progress=True, **USAGE),
    ),
    "a text": (TEXT, {"prompt": "abc"}),
    "several texts": (TEXT, {"prompt": ["abc", "d"], "logprobs": 2, "echo": True}),
    "a stream of texts": (TEXT, {"prompt": ["abc", "d"], "logprobs": 2, "echo": True, **USAGE}),
    "a wrong field": (CHAT, chat("abc", n="many")),
    "an unknown model": (CHAT, chat("abc", model="other")),
    "no JSON": (CHAT, b"{"),
    "embeddings without a model for them": (VECTORS, {"input": "abc"}),
    "an unusable reference": (f"{EDGEWISE}/models/pull", {"reference": "nonsense:x"}),
    "no reference": (f"{EDGEWISE}/models/pull", {}),
    "a name that is none": (f"{EDGEWISE}/models/pull", {"reference": "/", "name": ":"}),
    "a model that is not here": (f"{EDGEWISE}/models/use", {"name": "other"}),
    "no bundle": (f"{EDGEWISE}/bundle", b"nonsense"),
}
READ = ["/healthz", "/v1/health", "/health", "/v1/models", "/metrics", PLACE]
READ += [f"{EDGEWISE}/{name}" for name in ("models", "telemetry", "bundle", "selection")]
WITH_NAMES = [
    ("GET", "/v1/models/{name}"),
    ("DELETE", f"{EDGEWISE}/models/{{name}}"),
    ("POST", f"{EDGEWISE}/models/{{download}}/pause"),
    ("POST", f"{EDGEWISE}/models/{{download}}/resume"),
    ("POST", f"{EDGEWISE}/models/{{download}}/cancel"),
]


def test_every_handler_for_programs_is_in_the_document(echo: Daemon, tmp_path: Path) -> None:
    app = create_app(Node(Config(state_dir=tmp_path), {}))
    found = {
        (re.sub(r"{(\w+):\w+}", r"{\1}", route.path), method)
        for route in app.routes
        for method in getattr(route, "methods", ())
        if is_api(route.path) and method != HTTPMethod.OPTIONS
    }
    assert len(found) > 20
    paths = echo.http.get(PLACE).json()["paths"]
    assert {(path, method.upper()) for path, methods in paths.items() for method in methods} == found


def test_each_part_of_the_document_is_a_schema(echo: Daemon) -> None:
    schemas = echo.http.get(PLACE).json()["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    assert "default" not in schemas["ChatRequest"]["properties"]["messages"]
    assert "default" in schemas["ChatRequest"]["properties"]["temperature"]


def test_every_handler_says_who_may_call_it(echo: Daemon) -> None:
    paths = echo.http.get(PLACE).json()["paths"]
    assert paths[CHAT]["post"]["security"] == [{"key": ["chat"]}]
    assert paths[f"{EDGEWISE}/bundle"]["post"]["security"] == [{"key": ["admin"]}]
    assert paths["/healthz"]["get"]["security"] == []


@pytest.mark.parametrize("what", ASKED)
def test_replies_are_as_documented(echo: Daemon, what: str) -> None:
    path, body = ASKED[what]
    assert_documented(echo, echo.post(body, path), path)


@pytest.mark.parametrize("path", READ)
def test_what_is_read_is_as_documented(echo: Daemon, path: str) -> None:
    assert_documented(echo, echo.http.get(path), path)


def test_both_formats_of_metrics_are_documented(echo: Daemon) -> None:
    reply = echo.http.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    assert_documented(echo, reply, "/metrics")


@pytest.mark.parametrize(("method", "path"), WITH_NAMES)
@pytest.mark.parametrize("name", ["echo", "nothing", "%00", "..%2f..%2fetc", "ü"])
def test_names_of_all_kinds_are_answered_as_documented(echo: Daemon, method: str, path: str, name: str) -> None:
    reply = echo.http.request(method, re.sub(r"{\w+}", name, path))
    assert_documented(echo, reply, path)


def test_who_is_sent_away_is_told_as_documented(echo: Daemon, tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as locked:
            program = Visitor({"authorization": "Bearer none"})
            for path in READ:
                for visitor, status in ((program, 401), (program.but(host="evil.example"), 421)):
                    reply = await locked.ask("GET", path, visitor)
                    assert reply.status_code == status, path
                    assert_documented(echo, reply, path)

    asyncio.run(run())
