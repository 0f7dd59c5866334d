"""The real model behind the real client: what people do with it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from math import exp
from pathlib import Path
from typing import Any

import msgspec
import openai
import pytest

from tests.web.daemon import Daemon, chat, daemon, eventually

CONTEXT = 1024
FRANCE = "Hello, what is the capital of France?"  # without the greeting this small model answers in French
END = "2"  # the token <|im_end|> of this model


@pytest.fixture(scope="module", params=["llama_cpp", "onnx"])
def real(
    request: pytest.FixtureRequest, starter: Path, twin: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """A daemon with the starter model, four requests at a time, with each engine in turn."""
    model = starter if request.param == "llama_cpp" else twin / "model.onnx"
    flags = ("--engine", request.param, "--model", str(model), "--context", str(CONTEXT), "--parallel", "4")
    with daemon(tmp_path_factory.mktemp("starter"), *flags) as running:
        yield running


@pytest.fixture(scope="module")
def client(real: Daemon) -> Iterator[openai.OpenAI]:
    with real.openai() as client:
        yield client


def answer(client: openai.OpenAI, text: str, **fields: Any) -> str:  # noqa: ANN401 - passed on
    """Return the answer to one message, at most 40 tokens of it."""
    messages: list[Any] = [{"role": "user", "content": text}]
    reply = client.chat.completions.create(model="default", messages=messages, **{"max_tokens": 40, **fields})
    return reply.choices[0].message.content or ""


def test_it_knows_the_capital_of_france(client: openai.OpenAI) -> None:
    assert "Paris" in answer(client, FRANCE, temperature=0)


def test_without_temperature_the_same_question_has_the_same_answer(client: openai.OpenAI) -> None:
    first, second = (answer(client, "Name three colours.", temperature=0) for _ in range(2))
    assert first == second


def test_a_stream_brings_the_text_of_the_whole_reply(client: openai.OpenAI) -> None:
    whole = answer(client, "Name three animals.", temperature=0)
    stream = client.chat.completions.create(
        model="default",
        messages=[{"role": "user", "content": "Name three animals."}],
        temperature=0,
        max_tokens=40,
        stream=True,
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == whole


def test_a_seed_makes_a_draw_repeatable(client: openai.OpenAI) -> None:
    drawn = [answer(client, "Tell me a story.", temperature=1.2, seed=seed) for seed in (7, 7, 8)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_a_seed_counts_on_for_several_answers(client: openai.OpenAI, request: pytest.FixtureRequest) -> None:
    # Without AVX-512, ONNX Runtime has another kernel for one sequence at a time than for more, and from the second
    # token on, log probabilities differ by up to 0.2: there the first token tells.
    first_only = request.node.callspec.params["real"] == "onnx"
    temperature, tokens = (2.0, 1) if first_only else (1.2, 20)
    asked: dict[str, Any] = {"temperature": temperature, "max_tokens": tokens}
    messages: list[Any] = [{"role": "user", "content": "Tell me a story."}]
    reply = client.chat.completions.create(model="default", messages=messages, seed=7, n=4, **asked)
    texts = [choice.message.content for choice in reply.choices]
    assert len(set(texts)) > 1
    assert texts == [answer(client, "Tell me a story.", seed=seed, **asked) for seed in range(7, 11)]


def test_a_json_schema_is_kept(client: openai.OpenAI) -> None:
    properties = {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 150}}
    schema = {"type": "object", "properties": properties, "required": ["name", "age"], "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    text = answer(client, "Describe a person as JSON.", response_format=wanted, max_tokens=80, seed=1)
    person = msgspec.json.decode(text)
    assert person.keys() == {"name", "age"}
    assert isinstance(person["name"], str)
    assert 0 <= person["age"] <= 150


def test_a_json_object_is_json(client: openai.OpenAI) -> None:
    wanted = {"type": "json_object"}
    text = answer(client, 'Answer with {"ok": true}.', response_format=wanted, max_tokens=60, temperature=0, stop="}")
    assert text.lstrip().startswith("{")


def test_a_schema_that_cannot_be_a_grammar_is_400(real: Daemon) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"$ref": "#/$defs/nowhere"}}}
    reply = real.ask("hello", response_format=wanted)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "response_format"


def test_log_probabilities_are_a_distribution(client: openai.OpenAI) -> None:
    reply = client.chat.completions.create(
        model="default",
        messages=[{"role": "user", "content": FRANCE}],
        temperature=0,
        max_tokens=8,
        logprobs=True,
        top_logprobs=5,
    )
    logprobs = reply.choices[0].logprobs
    assert logprobs
    assert logprobs.content
    assert "".join(token.token for token in logprobs.content) == reply.choices[0].message.content
    for token in logprobs.content:
        top = [one.logprob for one in token.top_logprobs]
        assert len(top) == 5
        assert top == sorted(top, reverse=True)
        assert token.logprob == pytest.approx(top[0])  # the likeliest is taken
        assert sum(exp(logprob) for logprob in top) <= 1 + 1e-6


def test_a_stop_string_ends_the_answer_before_it(client: openai.OpenAI) -> None:
    text = answer(client, FRANCE, temperature=0, stop=["Paris"])
    assert text
    assert "Paris" not in text


def test_a_text_is_continued(client: openai.OpenAI) -> None:
    reply = client.completions.create(model="default", prompt="1, 2, 3, 4, 5,", temperature=0, max_tokens=5)
    assert reply.choices[0].text.startswith(" 6,")
    assert reply.usage
    assert reply.usage.completion_tokens == 5


def test_a_bias_can_force_a_token_and_forbid_it(client: openai.OpenAI) -> None:
    short, endless = (
        client.chat.completions.create(
            model="default",
            messages=[{"role": "user", "content": FRANCE}],
            temperature=0,
            max_tokens=20,
            logit_bias=bias,
        )
        for bias in ({END: 100}, {END: -100})
    )
    assert (short.choices[0].finish_reason, endless.choices[0].finish_reason) == ("stop", "length")


def test_a_prompt_beyond_the_context_is_400(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        answer(client, "word " * CONTEXT)
    assert caught.value.code == "context_length_exceeded"


def test_four_clients_at_once_are_answered(client: openai.OpenAI) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: answer(client, f"Count from {number}."), range(4)))
    assert all(answers)


def test_a_follow_up_reads_only_what_is_new(client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "Remember this list: " + ", ".join(map(str, range(50)))}]
    first = client.chat.completions.create(model="default", messages=messages, max_tokens=10, temperature=0)
    messages += [
        {"role": "assistant", "content": first.choices[0].message.content},
        {"role": "user", "content": "Thank you."},
    ]
    second = client.chat.completions.create(model="default", messages=messages, max_tokens=5, temperature=0)
    assert first.usage
    assert second.usage
    assert second.usage.prompt_tokens_details
    assert second.usage.prompt_tokens_details.cached_tokens
    assert second.usage.prompt_tokens_details.cached_tokens >= first.usage.prompt_tokens


def test_an_abandoned_stream_frees_the_engine(real: Daemon) -> None:
    body = chat("Tell me a very long story.", stream=True, n=4, logit_bias={END: -100})
    with closing(real.send(body)):
        eventually(lambda: real.active() == 4, 2)
    eventually(lambda: real.active() == 0, 2)
