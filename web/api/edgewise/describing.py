"""Handlers for programs in the words of OpenAPI 3.1, made from the types that they read and write."""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from agent.state import VERSION
from web.api.edgewise.operations import JSON, TEXT, Operation
from web.api.openai.errors import ErrorBody

Json = dict[str, Any]
Schemas = Mapping[Any, Json]

_PLACE = "#/components/schemas/{name}"
_VARIABLE = re.compile(r"{(\w+):\w+}")
_TITLE = "Edgewise"
_ERRORS = {
    400: "The request cannot be used; `param` names the field that is to blame.",
    401: "No key came with the request, or none that is valid.",
    403: "The key lacks the scope.",
    404: "There is no such thing.",
    413: "The body is too large.",
    421: "The device does not go by this host name.",
    429: "Too many wait, or it was tried too often; `Retry-After` says when to come again.",
    503: "No model is ready, or something else that is needed; `Retry-After` says when to come again.",
}
_UNUSABLE, _UNREADY = 400, 503


def describe(operations: Sequence[Operation]) -> Json:
    """Return the document about these handlers."""
    kinds = {kind: None for one in operations for kind in _kinds(one)}
    found, components = msgspec.json.schema_components(kinds, ref_template=_PLACE)
    schemas = dict(zip(kinds, found, strict=True))
    paths: dict[str, Json] = {}
    for one in operations:
        for path in sorted(one.handler.paths):
            for method in sorted(one.handler.http_methods - {"OPTIONS"}):
                paths.setdefault(_VARIABLE.sub(r"{\1}", path), {})[method.lower()] = _operation(one, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": VERSION},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _kinds(one: Operation) -> Iterator[Any]:
    given = (one.reply, one.body, one.events, one.unready, ErrorBody, *one.query.values())
    yield from (kind for kind in given if kind is not None)


def _operation(one: Operation, path: str, schemas: Schemas) -> Json:
    access = str(one.handler.opt["access"])
    described: Json = {
        "summary": (one.handler.fn.__doc__ or "").partition("\n")[0],
        "parameters": [*_path_parameters(path), *_query_parameters(one, schemas)],
        "security": [{"key": [access.removeprefix("key:")]}] if access.startswith("key:") else [],
        "responses": _responses(one, schemas),
    }
    if one.takes:
        schema = {} if one.body is None else {"schema": schemas[one.body]}
        described["requestBody"] = {"required": True, "content": {one.takes: schema}}
    return described


def _path_parameters(path: str) -> Iterator[Json]:
    for name in _VARIABLE.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query_parameters(one: Operation, schemas: Schemas) -> Iterator[Json]:
    for name, kind in one.query.items():
        yield {"name": name, "in": "query", "schema": schemas[kind]}


def _responses(one: Operation, schemas: Schemas) -> Json:
    status = HTTPStatus(one.status or one.handler.status_code)
    answer: Json = {"description": status.phrase}
    if one.reply is not None:
        answer["content"] = {kind: {"schema": schemas[one.reply]} for kind in one.gives}
    if one.events is not None:
        # OpenAPI describes events from 3.2 on; each carries this as JSON, and after the last comes `[DONE]`.
        answer["content"]["text/event-stream"] = {"x-event-data": _or_error(one.events, schemas)}
    errors = {str(code): _error(code, one, schemas) for code in _ERRORS}
    return {str(status.value): answer, **errors}


def _error(code: int, one: Operation, schemas: Schemas) -> Json:
    kind = one.unready if code == _UNREADY else None
    content: Json = {JSON: {"schema": _or_error(kind, schemas)}}
    if code == _UNUSABLE:
        content[TEXT] = {"schema": {"type": "string"}, "x-when": "what has come is no HTTP"}
    return {"description": _ERRORS[code], "content": content}


def _or_error(kind: Any, schemas: Schemas) -> Json:  # noqa: ANN401 - a type of any kind
    return {"anyOf": [schemas[kind], schemas[ErrorBody]]} if kind is not None else schemas[ErrorBody]
