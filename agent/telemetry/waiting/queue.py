"""Which items are next, which are on their way, and which have arrived but lie on the disk still."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from agent.telemetry.clock import Clock
from agent.telemetry.payloads import Item, Rank
from agent.telemetry.waiting.file import OutboxFile
from agent.telemetry.waiting.kinds import Batch, Key

_ROWS = 16  # that are read at a time; a message of 5 kB takes about as many
_HISTORY = 60.0  # seconds after which an item is history rather than news

_PLAIN = Item(ts=0, boot="", seq=0)  # msgspec leaves a float out only if it is the default itself, not its equal

_encode = msgspec.json.Encoder().encode


class Queue:
    """Hands out items in the order of their numbers.

    Attributes:
        held: what is on its way to the broker.
        gone: what has arrived, by kind, until the disk has forgotten it.
    """

    def __init__(self, clock: Clock, boot: str) -> None:
        self.held: set[Key] = set()
        self.gone: dict[Rank, set[Key]] = {"event": set(), "telemetry": set(), "log": set()}
        self._clock = clock
        self._boot = boot
        self._position: dict[Rank, int] = {"event": 0, "telemetry": 0, "log": 0}  # ids up to which all was taken

    def take(
        self, rank: Rank, most: tuple[int, int], gaps: Sequence[Item], file: OutboxFile | None, memory: Sequence[Item]
    ) -> Batch | None:
        """Return the next items of one run of the daemon, at least one if there is any.

        Args:
            rank: which kind.
            most: items, and bytes of the payload.
            gaps: go first.
            file: goes next.
            memory: go last.

        Raises:
            sqlite3.Error: the disk cannot be read.
        """
        items, payload = self._fitting(self._waiting(rank, gaps, file, memory), file, *most)
        if not items:
            return None
        keys = [(item.boot, item.seq) for item in items]
        self.held.update(keys)
        known = {(item.boot, item.seq) for item in (*gaps, *memory)}
        if file and (stored := [key for key in keys if key not in known]):
            self._position[rank] = max(self._position[rank], file.id_of(stored[-1]))
        history = items[0].mono < self._clock.cutoff(self._kernel(file, items[0].boot), _HISTORY)
        return Batch(rank, tuple(items), b"[%b]" % b",".join(payload), history)

    def give_back(self, batch: Batch, file: OutboxFile | None) -> None:
        """Let a batch be taken again."""
        keys = batch.keys()
        self.held.difference_update(keys)
        ids = [row for key in keys if file and (row := file.id_of(key))]
        self._position[batch.rank] = min([self._position[batch.rank], *(row - 1 for row in ids)])

    def waste(self) -> int:
        """Return how many rows the disk has in vain."""
        return sum(map(len, self.gone.values()))

    def forget_gone(self) -> None:
        """Take note that the disk has no such rows any more."""
        for keys in self.gone.values():
            keys.clear()

    def held_ids(self, file: OutboxFile) -> set[int]:
        """Return the rows of what is on its way."""
        return set(map(file.id_of, self.held))

    def _waiting(
        self, rank: Rank, gaps: Sequence[Item], file: OutboxFile | None, memory: Sequence[Item]
    ) -> Iterator[Item]:
        for item in itertools.chain(gaps, self._stored(rank, file) if file else (), memory):
            key = (item.boot, item.seq)
            if key not in self.held and key not in self.gone[rank]:
                yield item

    def _stored(self, rank: Rank, file: OutboxFile) -> Iterator[Item]:
        position = self._position[rank]
        while rows := file.after(rank, position, _ROWS):
            yield from (item for _, item in rows)
            position = rows[-1][0]

    def _fitting(
        self, waiting: Iterable[Item], file: OutboxFile | None, count: int, size: int
    ) -> tuple[list[Item], list[bytes]]:
        items: list[Item] = []
        payload: list[bytes] = []
        length = 1
        for item in waiting:
            encoded = _encode(self._for_sending(item, file))
            length += len(encoded) + 1
            if items and (len(items) >= count or length > size or item.boot != items[0].boot):
                break
            items.append(item)
            payload.append(encoded)
        return items, payload

    def _for_sending(self, item: Item, file: OutboxFile | None) -> Item:
        """Return an item with the time that is known by now, and `mono` only where that is none."""
        if item.ts_q != "est":
            return msgspec.structs.replace(item, mono=_PLAIN.mono)
        stamp = self._clock.correct(item.mono, self._kernel(file, item.boot))
        return msgspec.structs.replace(item, ts=stamp.ts, ts_q=stamp.quality, mono=_PLAIN.mono) if stamp else item

    def _kernel(self, file: OutboxFile | None, boot: str) -> str:
        if boot == self._boot or file is None:
            return self._clock.boot
        return file.runs[boot][1] if boot in file.runs else ""
