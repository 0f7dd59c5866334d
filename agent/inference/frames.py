"""Frames between the daemon and the engine process.

On the socket each frame is a four-byte little-endian length and that many bytes of msgpack. Structs are tagged arrays:
small, and quick to encode (a step of eight sequences takes about ten microseconds).
"""

import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from agent.engines import ModelInfo, Sampling
from agent.plan import Plan
from agent.speed import Rates

MAX_FRAME = 64 * 1024 * 1024  # a prompt of 16 million tokens; more is a broken peer
_LENGTH = struct.Struct("<I")


class Load(msgspec.Struct, tag="load", array_like=True, frozen=True):
    """Load a model. Fields as in `agent.engines.LoadOptions`; `path` is empty for engines that need no file.

    With `trial` the model makes a short run when it is loaded, and what it took is reported.
    """

    path: str
    plan: Plan
    extra_buffers: bool
    trial: bool = False
    libraries: list[str] = []


class Generate(msgspec.Struct, tag="generate", array_like=True, frozen=True):
    """Answer a chat (`messages`) or continue a `prompt` of text or token ids; exactly one of them is given.

    Attributes:
        id: chosen by the daemon, unique while the engine process lives.
        max_tokens: of the answer; 0 for as many as the context has room for.
        stop: texts at which the answer ends, not part of it.
        template: extra variables for the chat template, such as `enable_thinking`.
        ignore_end: go on when the model would end, for measurements.
        thought, said: what the model has thought and said already; the answer goes on from there.
    """

    id: int
    sampling: Sampling
    messages: list[dict[str, Any]] | None = None
    prompt: str | list[int] | None = None
    max_tokens: int = 0
    stop: list[str] = []
    tools: list[dict[str, Any]] | None = None
    template: dict[str, Any] = {}
    ignore_end: bool = False
    thought: str = ""
    said: str = ""


class Cancel(msgspec.Struct, tag="cancel", array_like=True, frozen=True):
    """Stop working on a request; it is answered with `Finished`, reason `cancelled`."""

    id: int


class Measure(msgspec.Struct, tag="measure", array_like=True, frozen=True):
    """Measure what the kernels achieve on this machine, see `agent.engines.Engine.measure`; instead of `Load`."""

    threads: int
    seconds: float
    memory: int


class Govern(msgspec.Struct, tag="govern", array_like=True, frozen=True):
    """Work like this from now on; answered with `Governed`.

    Attributes:
        share: of full speed, above 0: by fewer threads, and where that is not enough by rests between steps.
        conversations: whether to keep those that have no slot any more in memory.
    """

    share: float = 1.0
    conversations: bool = True


class Shutdown(msgspec.Struct, tag="shutdown", array_like=True, frozen=True):
    """Free everything and end the process."""


class Timings(msgspec.Struct, array_like=True, frozen=True):
    """What a request cost. Seconds; token counts.

    Attributes:
        prompt: tokens of the prompt.
        cached: of these, tokens that were in the KV cache already.
        completion: tokens sampled.
        queued: seconds from arrival to the first step.
        prefill: seconds from the first step to the first token.
        decode: seconds from the first token to the last.
    """

    prompt: int
    cached: int
    completion: int
    queued: float
    prefill: float
    decode: float

    @property
    def decode_rate(self) -> float:
        """Tokens per second after the first; 0 for a single token."""
        return (self.completion - 1) / self.decode if self.completion > 1 and self.decode else 0.0


class Loading(msgspec.Struct, tag="loading", array_like=True, frozen=True):
    """Loading goes on: fraction from 0 to 1."""

    fraction: float


class Loaded(msgspec.Struct, tag="loaded", array_like=True, frozen=True):
    """The model is loaded and has passed its self-test; requests are welcome. `trial` is what its short run took."""

    info: ModelInfo
    seconds: float
    trial: Timings | None = None


class LoadFailed(msgspec.Struct, tag="load_failed", array_like=True, frozen=True):
    """The model cannot be loaded; the process ends."""

    message: str
    hint: str


class Measured(msgspec.Struct, tag="measured", array_like=True, frozen=True):
    """What `Measure` brought: rates, or a message why there are none."""

    rates: Rates | None
    message: str = ""


class Governed(msgspec.Struct, tag="governed", array_like=True, frozen=True):
    """What `Govern` has brought: threads that compute, and the rest after each step as a multiple of its time."""

    threads: int
    rest: float


class TokenLogprob(msgspec.Struct, array_like=True, frozen=True):
    """Log probability of one token of the answer, and of the likeliest ones at that place."""

    piece: bytes
    logprob: float
    top: list[tuple[bytes, float]]


class Started(msgspec.Struct, tag="started", array_like=True, frozen=True):
    """The request left the queue: `cached` of its `prompt` tokens need no prefill.

    `thinks` tells that the answer begins inside the model's thinking, because the prompt has opened it.
    """

    id: int
    prompt: int
    cached: int
    thinks: bool = False


class Prefill(msgspec.Struct, tag="prefill", array_like=True, frozen=True):
    """So many tokens of the prompt are processed, cached ones included."""

    id: int
    processed: int


class Delta(msgspec.Struct, tag="delta", array_like=True, frozen=True):
    """More of the answer. `tokens` counts those sampled since the last delta."""

    id: int
    text: str
    tokens: int
    logprobs: list[TokenLogprob] | None = None


class Finished(msgspec.Struct, tag="finished", array_like=True, frozen=True):
    """The answer is complete; `reason` is `stop`, `length` or `cancelled`, `stop` the text that ended it, if any."""

    id: int
    reason: str
    stop: str
    timings: Timings


class Failed(msgspec.Struct, tag="failed", array_like=True, frozen=True):
    """The request cannot be answered; `kind` is the name of a class in `agent.errors`."""

    id: int
    kind: str
    message: str
    hint: str
    param: str


Event = Started | Prefill | Delta | Finished | Failed


class Events(msgspec.Struct, tag="events", array_like=True, frozen=True):
    """All that one step brought, for all requests."""

    events: list[Event]


ToEngine = Load | Generate | Cancel | Measure | Govern | Shutdown
FromEngine = Loading | Loaded | LoadFailed | Measured | Governed | Events

_encoder = msgspec.msgpack.Encoder(enc_hook=str)  # phrases are texts


def encode(frame: msgspec.Struct) -> bytes:
    """Return a frame as it goes over the socket."""
    body = _encoder.encode(frame)
    return _LENGTH.pack(len(body)) + body


class FrameBuffer:
    """Collects bytes from a socket and yields the bodies of complete frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add received bytes and yield each frame body that is now complete.

        Raises:
            ValueError: a length is beyond `MAX_FRAME`; the stream cannot be followed any more.
        """
        self._bytes += data
        while len(self._bytes) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._bytes)
            if length > MAX_FRAME:
                raise ValueError(f"frame of {length} bytes")
            end = _LENGTH.size + length
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[_LENGTH.size : end])
            del self._bytes[:end]
            yield body
