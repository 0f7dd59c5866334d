"""A daemon with an ONNX model, from the folder to the answer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.daemon import Daemon, chat, daemon

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Paris", "Rome"]}, "unit": {"$ref": "#/$defs/unit"}},
            "required": ["city", "unit"],
            "$defs": {"unit": {"enum": ["celsius", "fahrenheit"]}},
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object", "properties": {}}}}
QUESTION = "What is the weather in Rome?"


@pytest.fixture(scope="module")
def device(twin: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    flags = ("--engine", "onnx", "--model", str(twin), "--context", "512", "--parallel", "2")
    with daemon(tmp_path_factory.mktemp("onnx"), *flags) as running:
        yield running


def asking(tools: list[Any], choice: object, **fields: object) -> dict[str, Any]:
    """Return a request that forces a call."""
    return chat(QUESTION, tools=tools, tool_choice=choice, temperature=0, max_tokens=100, **fields)


def check_call(call: Any, names: set[str]) -> None:  # noqa: ANN401 - JSON
    """See that a call is one of these functions with arguments that its schema allows."""
    assert call["type"] == "function"
    assert call["id"]
    assert call["function"]["name"] in names
    arguments = json.loads(call["function"]["arguments"])
    if call["function"]["name"] == "clock":
        assert arguments == {}
    else:
        assert arguments.keys() == {"city", "unit"}
        assert arguments["city"] in {"Paris", "Rome"}
        assert arguments["unit"] in {"celsius", "fahrenheit"}


def test_a_folder_of_an_onnx_model_is_served(device: Daemon) -> None:
    assert device.http.get("/healthz").json()["model"] == "twin"
    series = {"prompt": "1, 2, 3, 4, 5, 6, 7,", "temperature": 0, "max_tokens": 4}
    assert device.http.post("/v1/completions", json=series).json()["choices"][0]["text"].startswith(" 8")
    answer = device.http.post("/v1/chat/completions", json=chat("Hello!", max_tokens=4, temperature=0)).json()
    assert answer["choices"][0]["message"]["content"]
    chosen = device.http.get("/api/edgewise/selection").json()
    considered = [chosen["selection"], *chosen["selection"]["rejected"]]
    (twins,) = [entry for entry in considered if entry["installed"] == "twin"]
    assert (twins["engine"], twins["provider"], twins["kv_type"]) == ("onnx", "cpu", "f32")
    assert {entry["engine"] for entry in considered if entry["file"].endswith(".gguf")} <= {"llama_cpp"}


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "function", "function": {"name": "get_weather"}}, {"get_weather"}),
        ({"type": "function", "function": {"name": "clock"}}, {"clock"}),
        ("required", {"get_weather", "clock"}),
    ],
    ids=["weather", "clock", "any"],
)
def test_a_forced_call_of_a_tool_is_valid(device: Daemon, choice: object, names: set[str]) -> None:
    reply = device.post(asking([WEATHER, CLOCK], choice))
    assert reply.status_code == 200, reply.text
    (answer,) = reply.json()["choices"]
    assert answer["finish_reason"] == "tool_calls"
    assert answer["message"]["content"] is None
    (call,) = answer["message"]["tool_calls"]
    check_call(call, names)


def test_the_openai_package_reads_a_streamed_call(device: Daemon) -> None:
    client = device.openai()
    chunks = list(client.chat.completions.create(model="default", stream=True, **asking([WEATHER], "required")))
    calls = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
    assert [call.index for call in calls] == [0]
    check_call(calls[0].model_dump(), {"get_weather"})
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "tool_calls"
    assert not any(choice.delta.content for chunk in chunks for choice in chunk.choices)


def test_a_call_that_is_cut_stays_text(device: Daemon) -> None:
    (answer,) = device.post({**asking([WEATHER], "required"), "max_tokens": 5}).json()["choices"]
    assert answer["finish_reason"] == "length"
    assert answer["message"]["content"].startswith("{")
    assert "tool_calls" not in answer["message"]


def test_a_result_of_a_tool_can_be_talked_about(device: Daemon) -> None:
    (asked,) = device.post(asking([WEATHER], "required")).json()["choices"]
    result = {"role": "tool", "tool_call_id": asked["message"]["tool_calls"][0]["id"], "content": "21 degrees"}
    messages = [{"role": "user", "content": QUESTION}, asked["message"], result]
    reply = device.post({"messages": messages, "tools": [WEATHER], "max_tokens": 4})
    assert reply.json()["choices"][0]["message"]["content"]
