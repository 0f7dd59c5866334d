"""How much one person may keep: a disk that is full serves nobody."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from agent.errors import NoRoomError
from agent.phrase import Phrase
from agent.units import format_bytes

RESERVE = 128 << 20
"""Bytes of free disk that nobody's files get; models leave twice as much, so that there is room beside them."""

ROW = 500
"""Bytes that a row counts beside its texts, for its other columns and its indexes. The schema has the same number."""

_TYPED = 32_000  # characters of a text that somebody may have typed; longer ones count as files
_USED = """
    SELECT (SELECT coalesce(sum(size), 0) FROM attachments WHERE user_id = :user)
         + (SELECT coalesce(sum(size), 0) FROM conversations WHERE user_id = :user)
         + (SELECT coalesce(sum(messages.size), 0) FROM conversations
            JOIN messages ON conversation_id = conversations.id WHERE user_id = :user)"""


@dataclass(frozen=True)
class Quota:
    """The bound for each person.

    Attributes:
        most: bytes that files, imports and long texts may fill; what is typed may go on to twice that. 0: no bound.
        reserve: bytes that files, imports and long texts leave free on the disk.
        disk: a directory on it.
    """

    most: int = 0
    reserve: int = 0
    disk: Path = Path("/")

    def require(self, database: Database, user_id: str, size: int, *, typed: bool = False) -> None:
        """Make sure that a person has room for so many more bytes; in the transaction that writes them.

        Raises:
            NoRoomError: there is no room, and what to do about it.
        """
        used = self._used(database, user_id)
        if not self._allows(used + size, typed=typed):
            raise NoRoomError(
                Phrase(
                    "errors.quota_full",
                    "There is no room for that: your chats and files take {used} of {most}.",
                    used=format_bytes(used),
                    most=format_bytes(self.most),
                ),
                hint=Phrase(
                    "errors.quota_full_hint", "Delete chats that you no longer need, or ask an admin for more."
                ),
            )
        if not typed:
            self._require_disk(database, size)

    def fits(self, database: Database, user_id: str, size: int) -> bool:
        """Tell whether a person has room for so many more bytes of what can be made again."""
        return self._allows(self._used(database, user_id) + size, typed=False)

    def _allows(self, size: int, *, typed: bool) -> bool:
        return not self.most or size <= self.most * (2 if typed else 1)

    def _used(self, database: Database, user_id: str) -> int:
        (used,) = database.execute(_USED, {"user": user_id}).fetchone()
        return int(used)

    def _require_disk(self, database: Database, size: int) -> None:
        """Make sure of the reserve; what was deleted has left room inside the database, which is filled first."""
        (pages,), (page,) = (database.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_size"))
        growth = size - pages * page
        free = shutil.disk_usage(self.disk).free
        if growth > 0 and free - growth < self.reserve:
            raise NoRoomError(
                Phrase(
                    "errors.chat_disk_full",
                    "The disk of this device is nearly full: {free} free.",
                    free=format_bytes(free),
                ),
                hint=Phrase(
                    "errors.chat_disk_full_hint",
                    "Delete chats that you no longer need, or ask an admin to delete a model.",
                ),
            )


UNBOUNDED = Quota()


def is_typed(text: str) -> bool:
    """Tell whether somebody may have typed a text, and not brought it from elsewhere."""
    return len(text) <= _TYPED


def size_of(*texts: str) -> int:
    """Return what a row with these texts counts, in bytes."""
    return ROW + sum(len(text.encode(errors="surrogatepass")) for text in texts)
