"""What the daemon and the unit of the engine say to each other about one process.

Each connection is for one process. The daemon sends `Start` together with the process's end of a socket pair; it hears
`Started`, and at the end `Ended`. When the daemon shuts its side, or is gone, the process is killed.
"""

from typing import TypeVar

import msgspec

ENGINE_SOCKET = "ENGINE_SOCKET"  # where the environment for a process says which unit starts it
LARGEST = 1 << 16  # bytes of a message


class Start(msgspec.Struct, frozen=True):
    """Run `python -m module --fd N` with more arguments."""

    module: str
    arguments: list[str]


class Started(msgspec.Struct, frozen=True):
    """It runs."""

    pid: int


class Ended(msgspec.Struct, frozen=True):
    """It has ended: with an exit status, or, below 0, by a signal."""

    code: int


T = TypeVar("T")


def decode(message: bytes, kind: type[T]) -> T:
    """Return a message; raises `msgspec.MsgspecError` for what is none."""
    return msgspec.json.decode(message, type=kind)
