"""Whether what a daemon answers is what its own document says, to the last field."""

from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from tests.web.daemon import Daemon

PLACE = "/api/edgewise/openapi.json"
EVENTS = "text/event-stream"


def assert_documented(daemon: Daemon, reply: httpx.Response, template: str) -> None:
    """Check a reply to a request for a path such as `/v1/models/{name}`; `daemon` is one whose document counts."""
    whole = document(daemon)
    answers = whole["paths"][template][reply.request.method.lower()]["responses"]
    assert str(reply.status_code) in answers, f"{template}: {reply.status_code} {reply.text}"
    content = answers[str(reply.status_code)].get("content", {})
    if not content:
        assert not reply.content
        return
    kind = reply.headers["content-type"].partition(";")[0]
    described = content[kind]
    if kind == EVENTS:
        for event in _events(reply.text):
            _check(whole, described["x-event-data"], event)
    elif kind == "application/json":
        _check(whole, described["schema"], reply.json())


def closed(part: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a schema in which no object has fields that are not described."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, dict):
        return part
    inner = {name: closed(value) for name, value in part.items()}
    named = isinstance(part.get("properties"), dict) and part.get("type") == "object"
    return {**inner, "additionalProperties": False} if named else inner


def _events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [httpx.Response(200, content=line).json() for line in lines]


def _check(whole: Any, schema: Any, value: object) -> None:  # noqa: ANN401 - JSON
    Draft202012Validator({**schema, "components": whole["components"]}).validate(value)


@cache
def document(daemon: Daemon) -> Any:  # noqa: ANN401 - JSON
    """Return what a daemon says of its API, closed."""
    return closed(daemon.http.get(PLACE).json())
