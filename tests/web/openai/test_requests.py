"""What requests mean to the engine, and what is said about those that mean nothing."""

from typing import Any

import msgspec
import pytest

from agent.engines import Sampling
from agent.errors import RequestError
from agent.inference.frames import Generate
from tests.web.daemon import chat
from web.api.openai.chat import ChatRequest, to_engine
from web.api.openai.completions import CompletionRequest, to_prompts
from web.api.openai.completions import to_engine as completions_to_engine
from web.api.openai.requests import decode

CHAT = msgspec.json.Decoder(ChatRequest)
COMPLETION = msgspec.json.Decoder(CompletionRequest)


def generations(body: object) -> list[Generate]:
    return to_engine(decode(CHAT, msgspec.json.encode(body)))


def sampled(**fields: Any) -> Sampling:  # noqa: ANN401 - JSON
    return generations(chat("hello", **fields))[0].sampling


def refusal(body: object) -> RequestError:
    with pytest.raises(RequestError) as caught:
        generations(body)
    return caught.value


def test_a_request_that_names_no_sampling_gets_that_of_llama_cpp() -> None:
    assert sampled() == Sampling(temperature=0.8, top_k=40, top_p=0.95, min_p=0.05)


def test_null_is_as_good_as_absent() -> None:
    assert sampled(temperature=None, top_p=None, stop=None, seed=None, logit_bias=None, n=None) == sampled()


def test_every_sampling_field_reaches_the_engine() -> None:
    fields: dict[str, Any] = {
        "temperature": 0,
        "top_k": 3,
        "top_p": 0.5,
        "min_p": 0.1,
        "repeat_penalty": 1.1,
        "frequency_penalty": -2,
        "presence_penalty": 2,
        "seed": -7,
        "grammar": "root ::= x",
    }
    drawn = sampled(**fields, logit_bias={"7": -100, "word": 0})
    assert {name: getattr(drawn, name) for name in fields} == fields
    assert drawn.logit_bias == {7: -100.0}


def test_several_answers_differ_in_their_seed() -> None:
    assert [one.sampling.seed for one in generations(chat("hello", n=3, seed=5))] == [5, 6, 7]


def test_several_answers_without_a_seed_have_none() -> None:
    assert [one.sampling.seed for one in generations(chat("hello", n=3))] == [None] * 3


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, 0),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": -1}, 0),
        ({"max_tokens": 5, "max_completion_tokens": 7}, 7),
        ({"max_tokens": 5, "max_completion_tokens": 0}, 0),
    ],
)
def test_the_newer_limit_wins_and_none_leaves_it_to_the_engine(fields: dict[str, int], limit: int) -> None:
    assert generations(chat("hello", **fields))[0].max_tokens == limit


def test_one_stop_string_is_a_list_of_one() -> None:
    assert generations(chat("hello", stop="\n"))[0].stop == ["\n"]
    assert generations(chat("hello", stop=["a", "b"]))[0].stop == ["a", "b"]


def test_a_developer_is_a_system_and_parts_are_lines() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    body = {
        "messages": [{"role": "developer", "content": "be kind"}, {"role": "user", "content": parts, "name": "Ann"}]
    }
    assert generations(body)[0].messages == [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "one\ntwo", "name": "Ann"},
    ]


def test_tool_calls_and_their_results_reach_the_template() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    body = {
        "messages": [
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "content": "42", "tool_call_id": "1"},
        ]
    }
    assert generations(body)[0].messages == [
        {"role": "assistant", "content": "", "tool_calls": calls},
        {"role": "tool", "content": "42", "tool_call_id": "1"},
    ]


FORCED = [{"type": "function", "function": {"name": "f"}}]


def test_a_forced_call_is_told_to_the_model_and_left_no_other_answer() -> None:
    (asked,) = generations(chat("hello", tools=FORCED, tool_choice="required"))
    assert asked.tools == FORCED
    assert '"const":"f"' in asked.sampling.schema


def test_tools_are_told_to_the_model_unless_it_may_not_call_them() -> None:
    tools = FORCED
    assert generations(chat("hello", tools=tools))[0].tools == tools
    assert generations(chat("hello", tools=tools, tool_choice="auto"))[0].tools == tools
    assert generations(chat("hello", tools=tools, tool_choice="none"))[0].tools is None


def test_template_variables_reach_the_template() -> None:
    assert generations(chat("hello", chat_template_kwargs={"think": False}))[0].template == {"think": False}


@pytest.mark.parametrize(
    ("wanted", "schema"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_object", "schema": {"type": "array"}}, {"type": "array"}),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": {"const": "é"}}}, {"const": "é"}),
    ],
)
def test_a_response_format_is_a_schema_for_the_engine(wanted: dict[str, Any], schema: object) -> None:
    text = sampled(response_format=wanted).schema
    assert (msgspec.json.decode(text) if text else None) == schema


@pytest.mark.parametrize(
    ("fields", "alternatives"),
    [({}, None), ({"logprobs": True}, 0), ({"logprobs": True, "top_logprobs": 20}, 20), ({"top_logprobs": 0}, None)],
)
def test_log_probabilities_are_given_when_asked_for(fields: dict[str, Any], alternatives: int | None) -> None:
    assert sampled(**fields).top_logprobs == alternatives


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.1}, "top_p"),
        ({"frequency_penalty": 3}, "frequency_penalty"),
        ({"presence_penalty": -3}, "presence_penalty"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"seed": 2**70}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": ["a", 1]}, "stop[1]"),
        ({"max_tokens": 2**40}, "max_tokens"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 1}, "top_logprobs"),
        ({"logit_bias": {"word": 1}}, "logit_bias"),
        ({"logit_bias": {"-1": 1}}, "logit_bias"),
        ({"logit_bias": {"9" * 30: 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias[...]"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_object"}, "grammar": "root ::= x"}, "grammar"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": FORCED, "tool_choice": "required", "response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": FORCED, "tool_choice": "required", "grammar": "root ::= x"}, "grammar"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"tools": [{"maximum": 2**70}]}, "tools"),
        ({"chat_template_kwargs": {"n": 2**70}}, "chat_template_kwargs"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
    ],
    ids=str,
)
def test_a_field_that_cannot_be_is_named(fields: dict[str, Any], param: str) -> None:
    error = refusal(chat("hello", **fields))
    assert error.param == param
    assert param.partition("[")[0] in error.message


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([], "messages"),
        ("hello", "messages"),
        ([{"content": "no role"}], "messages[0].role"),
        ([{"role": "nobody", "content": "hello"}], "messages[0].role"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "messages[0].content"),
        ([{"role": "assistant", "tool_calls": [{"n": 2**70}]}], "messages[0].tool_calls"),
    ],
    ids=str,
)
def test_a_message_that_cannot_be_is_named(messages: object, param: str) -> None:
    assert refusal({"messages": messages}).param == param


def test_images_are_refused_with_what_the_model_reads() -> None:
    content = [{"type": "input_audio", "input_audio": {}}]
    assert "input_audio" in refusal({"messages": [{"role": "user", "content": content}]}).message


@pytest.mark.parametrize("body", [[], 5, None, {}], ids=str)
def test_a_body_that_is_no_request_is_refused(body: object) -> None:
    assert refusal(body).message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"messages": NaN}', b"a=1&b=2"], ids=repr)
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError, match="not JSON"):
        decode(CHAT, body)


def test_a_body_without_bottom_is_refused() -> None:
    with pytest.raises(RequestError, match="recursion"):
        decode(CHAT, b'{"tools": [{"x": ' + b"[" * 100_000)


def prompts(given: object, **fields: object) -> list[Any]:
    asked = decode(COMPLETION, msgspec.json.encode({"prompt": given, **fields}))
    return [one.prompt for one in completions_to_engine(asked, to_prompts(asked))]


def test_prompts_come_in_four_shapes() -> None:
    assert prompts("one") == ["one"]
    assert prompts(["one", "two"]) == ["one", "two"]
    assert prompts([1, 2, 3]) == [[1, 2, 3]]
    assert prompts([[1, 2], [3]]) == [[1, 2], [3]]


def test_each_prompt_gets_its_answers_next_to_each_other() -> None:
    assert prompts(["one", "two"], n=2) == ["one", "one", "two", "two"]


@pytest.mark.parametrize(
    ("given", "fields", "param"),
    [
        ([], {}, "prompt"),
        (["one", 2], {}, "prompt"),
        ([-1], {}, "prompt[0]"),
        (["x"] * 129, {}, "prompt"),
        (["x"] * 20, {"n": 16}, "prompt"),
        ("x", {"suffix": "y"}, "suffix"),
        ("x", {"best_of": 2}, "best_of"),
        ("x", {"echo": True, "logprobs": 0}, "echo"),
        ([1, 2], {"echo": True}, "echo"),
    ],
    ids=str,
)
def test_a_completion_that_cannot_be_is_refused(given: object, fields: dict[str, object], param: str) -> None:
    with pytest.raises(RequestError) as caught:
        prompts(given, **fields)
    assert caught.value.param == param


def test_a_completion_has_16_tokens_unless_told_otherwise() -> None:
    asked = decode(COMPLETION, b'{"prompt": "x"}')
    assert completions_to_engine(asked, to_prompts(asked))[0].max_tokens == 16
