"""Frames between the daemon and the embedding process, on the socket as those of `agent.inference.frames`."""

import msgspec

from agent.inference.frames import Shutdown

Texts = list[str | list[int]]


class Load(msgspec.Struct, tag="load", array_like=True, frozen=True):
    """Load the model in a folder; with 0 threads, onnxruntime chooses how many."""

    folder: str
    threads: int


class Embed(msgspec.Struct, tag="embed", array_like=True, frozen=True):
    """Turn texts, or tokens of the model, into vectors; `truncate` cuts what is too long."""

    id: int
    texts: Texts
    truncate: bool


class Cancel(msgspec.Struct, tag="cancel", array_like=True, frozen=True):
    """Forget a request; nothing more comes for it."""

    id: int


class Loaded(msgspec.Struct, tag="loaded", array_like=True, frozen=True):
    """The model is loaded, in so many seconds."""

    seconds: float


class LoadFailed(msgspec.Struct, tag="load_failed", array_like=True, frozen=True):
    """The model cannot be loaded; the process ends."""

    message: str
    hint: str


class Embedded(msgspec.Struct, tag="embedded", array_like=True, frozen=True):
    """Some vectors of a request.

    Attributes:
        id: of the request.
        places: which of its texts they belong to.
        vectors: 32-bit floats, little-endian, one vector after the other.
        tokens: of these texts, marks included.
    """

    id: int
    places: list[int]
    vectors: bytes
    tokens: int


class Refused(msgspec.Struct, tag="refused", array_like=True, frozen=True):
    """The request cannot be served; `too_long` when a text has too many tokens."""

    id: int
    message: str
    hint: str
    too_long: bool


ToEncoder = Load | Embed | Cancel | Shutdown
FromEncoder = Loaded | LoadFailed | Embedded | Refused
