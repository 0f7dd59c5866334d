"""Calls that `tool_choice` demands: the schema that the model is held to, and what is made of what it writes."""

import json
from typing import Any

import pytest

from agent.errors import ForbiddenError, RequestError
from web.api.openai.constraints import check_schema
from web.api.openai.tool_calls import forced_schema, written_calls


def tool(name: str, **parameters: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters or None}}


def named(name: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_a_model_that_may_choose_is_held_to_nothing(choice: str | None) -> None:
    assert forced_schema([tool("f")], choice) is None


def test_one_of_several_is_a_choice_and_a_named_one_is_none() -> None:
    tools = [tool("f", type="object"), tool("g")]
    required, only = forced_schema(tools, "required"), forced_schema(tools, named("g"))
    assert required is not None
    assert only is not None
    assert [call["properties"]["name"]["const"] for call in required["anyOf"]] == ["f", "g"]
    assert only["properties"]["name"]["const"] == "g"
    assert only["required"] == ["name", "arguments"]


def test_what_parameters_refer_to_moves_along_with_them() -> None:
    parameters: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}, "self": {"items": [{"$ref": "#"}]}, "$ref": {"type": "string"}},
        "$defs": {"A": {"const": "#"}},
    }
    schema = forced_schema([tool("f"), tool("g", **parameters)], "required")
    assert schema is not None
    moved = schema["$defs"]["parameters1"]
    assert moved["properties"] == {
        "a": {"$ref": "#/$defs/parameters1/$defs/A"},
        "self": {"items": [{"$ref": "#/$defs/parameters1"}]},
        "$ref": {"type": "string"},
    }
    assert parameters["properties"]["a"] == {"$ref": "#/$defs/A"}, "the template is told the tools as they came"


@pytest.mark.parametrize(
    ("tools", "choice", "param"),
    [
        (None, "required", "tool_choice"),
        ([], named("f"), "tool_choice"),
        ([tool("f")], named("g"), "tool_choice"),
        ([tool("f")], "banana", "tool_choice"),
        ([tool("f")], {"type": "allowed_tools"}, "tool_choice"),
        ([tool("f")], named(5), "tool_choice"),
        ([{"type": "retrieval"}], "required", "tools"),
        ([tool("a name")], "required", "tools"),
        ([{"type": "function", "function": {"name": "f", "parameters": "none"}}], "required", "tools"),
        ([tool("f", maximum=2**70)], "required", "tools"),
    ],
    ids=str,
)
def test_a_call_that_cannot_be_forced_is_refused(tools: list[dict[str, Any]], choice: Any, param: str) -> None:  # noqa: ANN401 - JSON
    with pytest.raises(RequestError) as refused:
        forced_schema(tools, choice)
    assert refused.value.param == param


def test_a_pattern_in_parameters_is_a_grammar_too() -> None:
    schema = forced_schema([tool("f", type="object", properties={"a": {"pattern": "(a+)+"}})], "required")
    with pytest.raises(ForbiddenError):
        check_schema(None, [None, schema])


def test_arguments_stay_as_they_were_written() -> None:
    (call,) = written_calls('{"name": "f", "arguments": {"b": 1.0, "a": [ ]}}')
    assert (call.function.name, call.function.arguments) == ("f", '{"b": 1.0, "a": [ ]}')
    (other,) = written_calls('{"name": "f", "arguments": {}}')
    assert call.id != other.id
    assert json.loads(other.function.arguments) == {}


@pytest.mark.parametrize(
    "text", ["", '{"name": "f", "argum', "sorry", "[]", '{"name": 5, "arguments": {}}', '{"name": "f"}']
)
def test_what_is_no_call_is_none(text: str) -> None:
    assert written_calls(text) == []
