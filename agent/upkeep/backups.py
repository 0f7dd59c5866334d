"""The copies of app.db that the device keeps for itself: the newest and the one before, in the folder `backups`.

They help when app.db is broken, not when the disk is: for that there is `edgewise backup`.
"""

import logging
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.durable import rename_durably
from agent.errors import NoRoomError, StoreError
from agent.phrase import Phrase
from agent.units import format_bytes
from agent.upkeep.checking import trouble
from agent.upkeep.copying import copy_database

logger = logging.getLogger(__name__)

AGE = 22 * 3600.0
"""Seconds after which a copy is due: a little less than a day, so that it does not wander around the clock."""

RESERVE = 512 << 20
"""Bytes of the disk that a copy leaves free."""

_NAMES = ("app-1.db", "app-2.db")  # newest first
_AHEAD = 3600.0  # seconds by which a copy may lie ahead of the clock, before the clock counts as set back


@dataclass
class Backups:
    """The folder of copies.

    Attributes:
        database: app.db.
        clock: seconds since 1970.
        mono: seconds that never jump.
    """

    database: Path
    clock: Callable[[], float] = time.time
    mono: Callable[[], float] = time.monotonic
    _tried: float = field(default=-AGE, init=False)

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.database.parent / "backups"

    def all(self) -> list[Path]:
        """Return those that are there, newest first."""
        return [path for name in _NAMES if (path := self.folder / name).is_file()]

    def newest(self) -> float | None:
        """Return when the newest one was made, in seconds since 1970; None: there is none."""
        return max((path.stat().st_mtime for path in self.all()), default=None)

    def due(self) -> bool:
        """Tell whether another one is due; a clock that was set back asks for one a day, no more."""
        made = self.newest()
        if made is None:
            return True
        age = self.clock() - made
        if age < -_AHEAD:
            return self.mono() - self._tried >= AGE
        return age >= AGE and self._changed(made)

    def make(self) -> Path:
        """Copy app.db, check the copy, and keep it as the newest; the newest so far becomes the one before.

        Raises:
            NoRoomError: the disk is too full.
            StoreError: the copy cannot be made, or is not sound.
        """
        self._tried = self.mono()
        coming = self.folder / "app.db.new"
        try:
            self.folder.mkdir(0o700, exist_ok=True)
            coming.unlink(missing_ok=True)
            self._require_room()
            copy_database(self.database, coming)
            if wrong := trouble(coming):
                raise _failed(wrong)
            self._keep(coming)
        except (OSError, sqlite3.Error) as error:
            raise _failed(error) from error
        finally:
            coming.unlink(missing_ok=True)
        logger.info("app.db was copied to %s", self.folder / _NAMES[0])
        return self.folder / _NAMES[0]

    def _keep(self, coming: Path) -> None:
        newest, before = (self.folder / name for name in _NAMES)
        if newest.exists():
            rename_durably(newest, before)
        rename_durably(coming, newest)

    def _changed(self, since: float) -> bool:
        """Tell whether app.db may have been written to since the newest copy."""
        files = [self.database, self.database.with_name(f"{self.database.name}-wal")]
        return any(path.exists() and path.stat().st_mtime > since for path in files)

    def _require_room(self) -> None:
        needed, free = self.database.stat().st_size, shutil.disk_usage(self.folder).free
        if free - needed < RESERVE:
            raise NoRoomError(
                Phrase(
                    "errors.backup_no_room",
                    "There is no room for a copy of app.db: it takes {needed}, and {free} are free.",
                    needed=format_bytes(needed),
                    free=format_bytes(free),
                )
            )


def _failed(why: object) -> StoreError:
    return StoreError(Phrase("errors.backup_failed", "app.db could not be copied: {why}.", why=why))
