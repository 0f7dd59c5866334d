"""What changes on a page while an answer grows; without the libraries that make the HTML."""

from typing import TypeAlias

import msgspec


class Block(msgspec.Struct, frozen=True):
    """HTML that comes before the open block and does not change any more; the open block is empty after it."""

    html: str


class More(msgspec.Struct, frozen=True):
    """HTML of an item or row at the end of the block before, a list or table; else as `Block`."""

    html: str


class Open(msgspec.Struct, frozen=True):
    """HTML of the open block, in the place of what was there."""

    html: str


class Delta(msgspec.Struct, frozen=True):
    """Text that is appended to the open block."""

    text: str


Change: TypeAlias = Block | More | Open | Delta
