"""The latest records in one block of memory.

Objects that stay hold on to the memory around them: a line of a log that is kept for a day is made among thousands of
short-lived objects, and CPython gives memory back in whole arenas of 1 MiB.
"""

import mmap
from collections.abc import Iterator
from struct import Struct

_LENGTH = Struct("<I")


class Ring:
    """Records of any length, one after the other; the oldest make room for new ones.

    Args:
        size: bytes of the block; the system gives them page by page, as it fills for the first time.
        most: records at a time.
    """

    def __init__(self, size: int, most: int) -> None:
        # Not a `bytearray`: it is filled with zeros, and so taken as a whole.
        self._memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._most = most
        self._oldest = self._used = self._count = 0

    def append(self, record: bytes) -> None:
        """Keep a record; of one that is longer than the block nothing is kept."""
        data = _LENGTH.pack(len(record)) + record
        if len(data) > len(self._memory):
            return
        while self._count >= self._most or self._used + len(data) > len(self._memory):
            self._forget()
        self._write(self._oldest + self._used, data)
        self._used += len(data)
        self._count += 1

    def __iter__(self) -> Iterator[bytes]:
        """Yield the records, the oldest first; none may be added meanwhile."""
        at = self._oldest
        for _ in range(self._count):
            length = self._length(at)
            yield self._read(at + _LENGTH.size, length)
            at += _LENGTH.size + length

    def __len__(self) -> int:
        return self._count

    def _forget(self) -> None:
        size = _LENGTH.size + self._length(self._oldest)
        self._oldest = (self._oldest + size) % len(self._memory)
        self._used -= size
        self._count -= 1

    def _length(self, at: int) -> int:
        return int(_LENGTH.unpack(self._read(at, _LENGTH.size))[0])

    def _read(self, at: int, length: int) -> bytes:
        """Return bytes from a place on, which may be past the end, and go on at the beginning."""
        at %= len(self._memory)
        first = self._memory[at : at + length]
        return first + self._memory[: length - len(first)] if len(first) < length else first

    def _write(self, at: int, data: bytes) -> None:
        at %= len(self._memory)
        first = min(len(data), len(self._memory) - at)
        self._memory[at : at + first] = data[:first]
        self._memory[: len(data) - first] = data[first:]
