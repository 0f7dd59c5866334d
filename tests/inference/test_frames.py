"""Frames on the wire between the daemon and the engine process."""

import struct
import typing
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines import ModelInfo, Sampling
from agent.inference import frames
from agent.plan import Plan
from agent.speed import Rates

RATES = Rates(
    source="measured",
    measured=True,
    decode={"Q4_K": 4e10},
    prefill={"Q4_K": 2e11},
    rows={"Q4_K": 0.0},
    attention_decode={"f16": 1e10},
    attention_prefill={"f16": 7e10},
    experts_decode=1.0,
    experts_prefill=1.0,
    operation=5e-7,
    multiplication=2e-6,
)
TO_ENGINE: list[frames.ToEngine] = [
    frames.Load("/models/a.gguf", Plan(4096, 4, 2, 512), extra_buffers=True),
    frames.Generate(
        7,
        Sampling(temperature=0.5, seed=2**40, logit_bias={5: -100.0}, schema="{}", top_logprobs=0),
        messages=[{"role": "user", "content": "Grüße 🙂", "tool_calls": [{"id": "1"}]}],
        max_tokens=9,
        stop=["\n", "é"],
        tools=[{"type": "function"}],
        template={"enable_thinking": False},
    ),
    frames.Generate(8, Sampling(), prompt=[1, 2, 3], ignore_end=True),
    frames.Generate(9, Sampling(), prompt="text"),
    frames.Cancel(7),
    frames.Measure(2, 2.5, 1 << 30),
    frames.Govern(0.5, conversations=False),
    frames.Shutdown(),
]
FROM_ENGINE: list[frames.FromEngine] = [
    frames.Loading(0.25),
    frames.Loaded(ModelInfo("llama", 4096, 8192, 4, 49152, None, "", "</s>", adds_bos=True, build="x"), 1.5),
    frames.Measured(RATES),
    frames.Measured(None, "It has no speed."),
    frames.Governed(1, 0.5),
    frames.LoadFailed("It cannot be loaded.", "Try another."),
    frames.Events(
        [
            frames.Started(7, 20, 5),
            frames.Prefill(7, 20),
            frames.Delta(7, "é", 2, [frames.TokenLogprob(b"\xc3", -0.5, [(b"\xc3", -0.5), (b"a", -1.0)])]),
            frames.Delta(7, "x", 1),
            frames.Finished(7, "stop", "\n", frames.Timings(20, 5, 3, 0.1, 0.2, 0.3)),
            frames.Failed(8, "RequestError", "no", "do", "prompt"),
        ]
    ),
]


def kinds(frame: frames.ToEngine | frames.FromEngine) -> type:
    return frames.ToEngine if type(frame) in typing.get_args(frames.ToEngine) else frames.FromEngine  # type: ignore[return-value]


def bodies(data: bytes, cuts: list[int]) -> list[bytes]:
    """Feed bytes in pieces; returns the frame bodies that came out."""
    buffer = frames.FrameBuffer()
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [body for begin, end in pairwise(places) for body in buffer.feed(data[begin:end])]


def test_every_kind_of_frame_and_event_is_tried_here() -> None:
    tried = {type(frame) for frame in [*TO_ENGINE, *FROM_ENGINE]}
    assert tried == {*typing.get_args(frames.ToEngine), *typing.get_args(frames.FromEngine)}
    events = next(frame.events for frame in FROM_ENGINE if isinstance(frame, frames.Events))
    assert {type(event) for event in events} == set(typing.get_args(frames.Event))


@pytest.mark.parametrize("frame", [*TO_ENGINE, *FROM_ENGINE], ids=repr)
def test_a_frame_arrives_as_it_was_sent(frame: frames.ToEngine | frames.FromEngine) -> None:
    (body,) = bodies(frames.encode(frame), [])
    assert msgspec.msgpack.decode(body, type=kinds(frame)) == frame


@given(st.lists(st.integers(0, 900), max_size=30))
def test_frames_may_be_cut_and_joined_anywhere(cuts: list[int]) -> None:
    data = b"".join(frames.encode(frame) for frame in TO_ENGINE)
    decoded = [msgspec.msgpack.decode(body, type=frames.ToEngine) for body in bodies(data, cuts)]
    assert decoded == TO_ENGINE


def test_frames_may_arrive_byte_by_byte() -> None:
    data = b"".join(frames.encode(frame) for frame in FROM_ENGINE)
    decoded = [msgspec.msgpack.decode(body, type=frames.FromEngine) for body in bodies(data, list(range(len(data))))]
    assert decoded == FROM_ENGINE


def test_an_incomplete_frame_waits_for_the_rest() -> None:
    assert bodies(frames.encode(frames.Cancel(1))[:-1], []) == []


def test_a_length_beyond_the_largest_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=str(frames.MAX_FRAME + 1)):
        bodies(struct.pack("<I", frames.MAX_FRAME + 1), [])
    assert bodies(struct.pack("<I", frames.MAX_FRAME), []) == []


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"junk", b"\x90", b"\x91\xa4nope", b"\x92\xa6cancel\xa1x", b"\x91\xa6cancel"], ids=repr
)
def test_junk_is_refused(body: bytes) -> None:
    for kind in (frames.ToEngine, frames.FromEngine):
        with pytest.raises(msgspec.MsgspecError):
            msgspec.msgpack.decode(body, type=kind)


def test_a_frame_in_the_wrong_direction_is_refused() -> None:
    (body,) = bodies(frames.encode(frames.Loading(0.5)), [])
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(body, type=frames.ToEngine)
