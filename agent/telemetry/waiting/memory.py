"""Items that the disk does not have yet."""

from collections.abc import Container, Iterator

import msgspec

from agent.telemetry.payloads import Item, Rank
from agent.telemetry.waiting.kinds import Key

_LOWEST_FIRST: tuple[Rank, ...] = ("log", "telemetry", "event")


class Memory:
    """Items by kind, oldest first. `size` is their length as JSON, in bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._items: dict[Rank, dict[Key, Item]] = {rank: {} for rank in _LOWEST_FIRST}
        self._sizes: dict[Key, int] = {}

    def __len__(self) -> int:
        return len(self._sizes)

    def __contains__(self, key: Key) -> bool:
        return key in self._sizes

    def items(self, rank: Rank) -> list[Item]:
        """Return those of a kind."""
        return list(self._items[rank].values())

    def oldest(self) -> Item | None:
        """Return the one that was made first."""
        return min(
            (item for rank in _LOWEST_FIRST for item in self._first(rank)), key=lambda item: item.seq, default=None
        )

    def add(self, rank: Rank, item: Item) -> None:
        """Take an item."""
        key = (item.boot, item.seq)
        self._items[rank][key] = item
        self._sizes[key] = len(msgspec.json.encode(item))
        self.size += self._sizes[key]

    def remove(self, rank: Rank, key: Key) -> None:
        """Forget an item."""
        del self._items[rank][key]
        self.size -= self._sizes.pop(key)

    def clear(self) -> None:
        """Forget all of them: the disk has them."""
        for items in self._items.values():
            items.clear()
        self._sizes.clear()
        self.size = 0

    def shrink(self, size: int, held: Container[Key]) -> list[Key]:
        """Forget the oldest of the lowest kind until the rest is small enough; return which ones."""
        dropped: list[Key] = []
        for rank in _LOWEST_FIRST:
            for key in [key for key in self._items[rank] if key not in held]:
                if self.size <= size:
                    return dropped
                self.remove(rank, key)
                dropped.append(key)
        return dropped

    def _first(self, rank: Rank) -> Iterator[Item]:
        yield from list(self._items[rank].values())[:1]
