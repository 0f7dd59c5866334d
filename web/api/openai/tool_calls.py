"""Calls of tools that a request asks for with `tool_choice`: the model is left no other answer.

It writes `{"name": ..., "arguments": ...}`, held to the schemas of the tools by the engine's grammar. A call is sent in
one piece when it is complete.
"""

import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from agent.errors import RequestError
from web.api.openai.requests import checked

T = TypeVar("T")

CALLED = "tool_calls"
"""How an answer ends that is a call."""

_OPTIONAL = (None, "auto", "none")
_ANYTHING = {"type": "object"}


class _Function(Struct, frozen=True):
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    parameters: dict[str, Any] | None = None


class _Tool(Struct, frozen=True):
    type: Literal["function"]
    function: _Function


class _Name(Struct, frozen=True):
    name: str


class _Choice(Struct, frozen=True):
    type: Literal["function"]
    function: _Name


class _Written(Struct, frozen=True):
    """What the model writes."""

    name: str
    arguments: msgspec.Raw


class CalledFunction(Struct):
    """Which function with which arguments: an object as JSON text."""

    name: str
    arguments: str


class ToolCall(Struct, tag_field="type", tag="function"):
    """A call; `index` counts those of an answer where it is streamed."""

    id: str
    function: CalledFunction
    index: int | msgspec.UnsetType = msgspec.UNSET


def forced_schema(tools: Sequence[dict[str, Any]] | None, choice: str | dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the JSON schema of the call that `tool_choice` demands; None where it leaves the choice to the model.

    Raises:
        RequestError: there is no such tool, or a tool is no function; names the field.
    """
    if choice in _OPTIONAL:
        return None
    if not tools:
        raise RequestError("tool_choice demands a call, but there are no tools.", param="tool_choice")
    functions = [tool.function for tool in _read(checked(tools, "tools"), list[_Tool], "tools")]
    if choice == "required":
        return _schema(functions)
    name = _read(choice, _Choice, "tool_choice").function.name
    chosen = [function for function in functions if function.name == name]
    if not chosen:
        raise RequestError(f"tool_choice names {name!r:.80}, which is none of the tools.", param="tool_choice")
    return _schema(chosen[:1])


def written_calls(text: str) -> list[ToolCall]:
    """Return the call that an answer consists of; none where it was cut before its end."""
    try:
        written = msgspec.json.decode(text, type=_Written)
    except msgspec.DecodeError:
        return []
    arguments = bytes(written.arguments).decode()
    return [ToolCall(f"call_{secrets.token_hex(12)}", CalledFunction(written.name, arguments))]


def _read(value: object, kind: type[T], param: str) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise RequestError(f"{param} cannot be used to force a call: {error}.", param=param) from error


def _schema(functions: Sequence[_Function]) -> dict[str, Any]:
    """Return the schema of a call of one of the functions; each has its parameters below `$defs`."""
    parameters: dict[str, Any] = {}
    calls = []
    for index, function in enumerate(functions):
        place = f"parameters{index}"
        parameters[place] = _moved(function.parameters or _ANYTHING, f"#/$defs/{place}")
        properties = {"name": {"const": function.name}, "arguments": {"$ref": f"#/$defs/{place}"}}
        calls.append({"type": "object", "properties": properties, "required": [*properties]})
    return {**(calls[0] if len(calls) == 1 else {"anyOf": calls}), "$defs": parameters}


def _moved(schema: dict[str, Any], place: str) -> dict[str, Any]:
    """Return a copy of a schema for another place in a document: what it refers to within itself moves along."""
    copy: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(schema))
    left: list[object] = [copy]  # not a recursion: schemas may be nested deeper than Python calls
    while left:
        part = left.pop()
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str) and reference.startswith("#"):
                part["$ref"] = f"{place}{reference[1:]}"
            left += part.values()
        elif isinstance(part, list):
            left += part
    return copy
