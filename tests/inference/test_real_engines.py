"""What the echo engine shows of the worker and the supervisor, with those that run models."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.engines import Sampling
from agent.errors import EngineDiedError
from agent.inference import frames
from tests.engines.onnx import damage
from tests.inference.supervising import ask, candidate, first_text, reached, supervising, until, whole
from tests.inference.wire import Wire, chat, end_of, engine_process, failure_of, text_of

SAID = "Grüße, 世界 🙂🙃 ab!"
GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module", params=["llama_cpp", "onnx"])
def wire(request: pytest.FixtureRequest, starter: Path, twin: Path) -> Iterator[Wire]:
    """A process that answers two requests at a time, with each engine in turn."""
    with engine_process(request.param) as wire:
        wire.load(starter if request.param == "llama_cpp" else twin, context=256)
        yield wire


def saying(number: int, text: str, **options: object) -> frames.Generate:
    """Return a request whose answer can be no other than this text."""
    return chat(number, "Hello", Sampling(temperature=0, grammar=f'root ::= "{text}"'), **options)


def test_characters_of_several_tokens_arrive_whole(wire: Wire) -> None:
    events = wire.ask(saying(1, SAID))[1]
    deltas = [event for event in events if isinstance(event, frames.Delta)]
    assert "".join(delta.text for delta in deltas) == SAID
    assert not any("\N{REPLACEMENT CHARACTER}" in delta.text for delta in deltas)
    assert end_of(events).timings.completion > len(SAID), "some characters take several tokens"


@pytest.mark.parametrize(("stop", "before"), [("🙃", "Grüße, 世界 🙂"), ("界 🙂", "Grüße, 世"), ("e, ", "Grüß")])
def test_a_stop_string_is_found_across_tokens_and_never_shown(wire: Wire, stop: str, before: str) -> None:
    events = wire.ask(saying(1, SAID, stop=["nothing", stop]))[1]
    assert text_of(events) == before
    assert (end_of(events).reason, end_of(events).stop) == ("stop", stop)


def test_a_follow_up_reads_only_what_is_new(wire: Wire) -> None:
    first = chat(1, "The story of the red boat begins here. " * 3, GREEDY, max_tokens=8)
    said = wire.ask(first)[1]
    messages = [
        *(first.messages or []),
        {"role": "assistant", "content": text_of(said)},
        {"role": "user", "content": "Go on."},
    ]
    timings = end_of(wire.ask(frames.Generate(2, GREEDY, messages=messages, max_tokens=4))[2]).timings
    assert end_of(said).timings.prompt <= timings.cached < timings.prompt


def test_the_same_seed_brings_the_same_answer_and_another_one_another(wire: Wire) -> None:
    def text(seed: int) -> str:
        return text_of(wire.ask(chat(seed, "Invent a name.", Sampling(temperature=2, seed=seed), max_tokens=12))[seed])

    assert text(5) == text(5) != text(6)


def test_cancel_makes_room_for_who_waits(wire: Wire) -> None:
    wire.send(*[chat(number, "Tell me a long story.", GREEDY, ignore_end=True) for number in (1, 2)])
    wire.send(chat(3, "Hi", GREEDY, max_tokens=2))
    wire.until(frames.Delta, 1)
    wire.send(frames.Cancel(1))
    events = wire.finish(1, 3)
    assert end_of(events[1]).reason == "cancelled"
    assert end_of(events[3]).timings.completion <= 2
    wire.send(frames.Cancel(2))
    wire.finish(2)


def test_a_prompt_that_leaves_no_room_is_refused_and_others_go_on(wire: Wire) -> None:
    events = wire.ask(chat(1, "word " * 400), chat(2, "Hi", GREEDY, max_tokens=3))
    assert failure_of(events[1]).kind == "ContextOverflowError"
    assert end_of(events[2]).timings.completion <= 3


def test_an_answer_fills_the_context_and_no_more(wire: Wire) -> None:
    prompt = [20 + number % 7 for number in range(220)]
    requests = [frames.Generate(number, GREEDY, prompt=prompt[:-number], ignore_end=True) for number in (1, 2)]
    events = wire.ask(*requests)
    for got in events.values():
        assert end_of(got).reason == "length"
        assert end_of(got).timings.prompt + end_of(got).timings.completion == 256


@pytest.mark.parametrize("harm", [damage.not_numbers, damage.cut_data, damage.cut_graph, damage.other_shape])
def test_no_damaged_onnx_model_takes_the_supervisor_down(
    tmp_path: Path, onnx_zoo: Path, harm: Callable[[Path], None]
) -> None:
    folder = damage.copy(onnx_zoo / "llama-fp32", tmp_path / "damaged")
    harm(folder)

    async def scenario() -> str:
        async with supervising(tmp_path, candidate(folder, engine="onnx"), candidate()) as supervisor:
            await until(lambda: supervisor.status.state == "ready", within=20)
            assert supervisor.status.model == "echo"
            assert "damaged" in supervisor.failures
            return await whole(ask(supervisor, "hi"))

    assert asyncio.run(scenario()) == "hi"


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
def test_an_onnx_engine_that_dies_or_hangs_is_restarted(tmp_path: Path, onnx_zoo: Path, sign: signal.Signals) -> None:
    async def scenario() -> None:
        model = candidate(onnx_zoo / "llama-fp32", engine="onnx")
        async with supervising(tmp_path, model, step_timeout=1.0) as supervisor:
            await reached(supervisor, "ready")
            before = supervisor.pid
            endless = frames.Generate(0, GREEDY, prompt=[5, 6, 7], ignore_end=True, max_tokens=250)
            answers = [supervisor.generate(endless) for _ in range(2)]
            await first_text(answers[0])
            os.kill(before, sign)
            for answer in answers:
                with pytest.raises(EngineDiedError):
                    await whole(answer)
            await reached(supervisor, "ready")
            assert supervisor.pid != before
            assert await whole(supervisor.generate(endless))

    asyncio.run(scenario())
