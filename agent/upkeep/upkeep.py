"""Storage care as one task: it looks about once a minute, and does what takes time while nobody is being answered."""

import asyncio
import logging
import signal
import sqlite3
import time
from collections.abc import Callable

from agent.errors import EdgewiseError, StoreError
from agent.heap import trim
from agent.upkeep import recovery, tending
from agent.upkeep.backups import Backups
from agent.upkeep.clearing import Clearing
from agent.upkeep.host import Host
from agent.upkeep.news import News
from agent.upkeep.recovery import Recovery
from agent.upkeep.uses import Uses
from agent.upkeep.wear import Wear
from agent.waiting import wait_at_most

logger = logging.getLogger(__name__)

_LOOK = 60.0  # seconds between two looks
_SETTLED = 300.0  # seconds after the start before anything that takes time
_QUIET = 60.0  # seconds without a request that count as quiet
_PATIENCE = 6 * 3600.0  # seconds that a copy waits for such a time; then it is made all the same
_HOUR, _DAY = 3600.0, 86_400.0
_PAUSE = 0.05  # seconds between two steps that hold the writing thread


class Upkeep:
    """First `prepare`, before app.db is opened, then `start`; at the end `close`, before app.db is closed.

    Attributes:
        recovered: what had to be done with a broken app.db, until the owner has read it.
        backups: the daily copies of app.db.
        clearing: which models may go.
        uses: when models were used.
        wear: of the flash memory.
        news: what has happened, for events.
    """

    def __init__(self, host: Host, clock: Callable[[], float] = time.time) -> None:
        state_dir = host.config.state_dir
        self._host, self._clock = host, clock
        self._state_dir = state_dir
        self.recovered: Recovery | None = None
        self.news = News()
        self.backups = Backups(state_dir / "app.db", clock)
        self.uses = Uses(state_dir / "uses.json")
        self.wear = Wear(state_dir / "wear.json")
        self.clearing = Clearing(host, self.uses, self.news)
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake, self._turn = asyncio.Event(), asyncio.Lock()
        self._damaged = self._search_broken = False
        self._began = time.monotonic()
        self._active = self._began  # when somebody was answered last
        self._due = {"hour": 0.0, "day": _DAY}  # seconds since the start

    def prepare(self) -> None:
        """Make sure that app.db can be used. Blocks.

        Raises:
            StoreError: it is broken and cannot be replaced.
        """
        if (self._state_dir / "restore.new").exists():
            from agent.upkeep import restoring  # noqa: PLC0415 - tarfile: most starts come after no restore

            restoring.complete(self._state_dir)
        fresh = recovery.recover(self._state_dir)
        self.recovered = fresh or recovery.last_recovery(self._state_dir)
        if fresh is not None:
            told = {"origin": fresh.origin, "because": fresh.wrong, "file": fresh.aside, "rows": fresh.rows}
            self.news.add("app_db_replaced", **told)
        recovery.slim(self._state_dir / "app.db")

    def start(self) -> None:
        """Begin to look after things."""
        self._loop = asyncio.get_running_loop()
        self._host.store.on_damage = self.damaged
        self._task = asyncio.create_task(self._run(), name="storage care")

    async def close(self) -> None:
        """Write down what is known, and leave app.db tidy."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})
        self._task = None
        self.uses.keep()
        self.wear.keep()
        try:
            await self._host.store.tend(tending.checkpoint)
        except EdgewiseError as error:
            logger.warning("%s", error.message)

    def damaged(self, error: Exception) -> None:
        """Note that app.db was found to be broken; it is looked after soon. To be called in any thread.

        Without memory it may be the index for searching that asks for too much: making it anew tells.
        """
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(error, MemoryError) or code == sqlite3.SQLITE_CORRUPT_VTAB:
            self._search_broken = True
        elif not self._damaged:
            self._mark_damaged(str(error))
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    def _mark_damaged(self, why: str) -> None:
        """Have the next start repair app.db."""
        logger.error("app.db is damaged: %s. It is repaired at the next start", why)
        self._damaged = True
        recovery.mark_damaged(self._state_dir, why)
        self.news.add("app_db_damaged", because=why)

    def make_room(self, needed: int) -> None:
        """Remove models so that so many bytes of another one fit. Blocks; see `Clearing.make_room`."""
        self.clearing.make_room(needed)

    def acknowledge(self) -> None:
        """Forget what had to be done: the owner has read it.

        Raises:
            OSError: the note cannot be deleted.
        """
        recovery.acknowledge(self._state_dir)
        self.recovered = None

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except EdgewiseError as error:
                logger.warning("%s %s", error.message, error.hint)
            except Exception:  # the top of this task: nobody else would hear of it
                logger.exception("Storage care has failed")
            await wait_at_most(self._wake, _LOOK)
            self._wake.clear()

    async def look(self) -> None:
        """Look once, and do what is due."""
        async with self._turn:
            await self._look()

    async def _look(self) -> None:
        passed = time.monotonic() - self._began
        if self._search_broken:
            await self._mend_search()
        self._note_use()
        self._note_wear(passed)
        await asyncio.to_thread(trim)
        if passed < _SETTLED:
            return
        if passed >= self._due["hour"]:
            self._due["hour"] = passed + _HOUR
            await asyncio.to_thread(self.clearing.tidy)
        idle = time.monotonic() - self._active
        if self._damaged and self._host.supervised and idle >= _QUIET and passed >= _HOUR:
            logger.warning("Edgewise ends while nobody is there: systemd starts it anew, and app.db is repaired")
            signal.raise_signal(signal.SIGTERM)
            return
        if idle >= _QUIET:
            await self._tend(passed)
        wanted = self._host.config.backups and not self._damaged
        if wanted and self.backups.due() and (idle >= _QUIET or passed >= _PATIENCE):
            await asyncio.to_thread(self.backups.make)

    async def _mend_search(self) -> None:
        """Make the index for searching anew: what SQLite finds broken in it keeps new messages from being kept."""
        logger.error("The index for searching seems damaged, and is made anew")
        try:
            await self._host.store.tend(tending.rebuild_search)
        except StoreError as error:
            if not self._damaged:
                self._mark_damaged(error.message)
        self._search_broken = False

    def _note_use(self) -> None:
        health, now = self._host.health(), self._clock()
        if health.active:
            self._active = time.monotonic()
        self.uses.follow({model.name for model in self._host.models.everything()})
        embeddings = [model.name for model in self._host.embeddings.models() if model.state == "running"]
        for name in (*embeddings, *self._host.names()):  # the one that chats stays the latest
            if name in {use.name for use in self.uses.all()}:
                self.uses.note(name, now)

    def _note_wear(self, passed: float) -> None:
        sample = self._host.vitals.now()
        if sample is not None and self.wear.add(passed, sample.written, sample.disk_worn):
            worn = sample.disk_worn or 0.0
            logger.warning("The eMMC has %.0f %% of its life behind it, by its own account", 100 * worn)
            self.news.add("disk_worn", worn_pct=round(100 * worn))

    async def _tend(self, passed: float) -> None:
        """Keep app.db small and fast."""
        store = self._host.store
        more = True
        while more and not self._host.health().active:
            more = await store.tend(tending.give_back)
            await asyncio.sleep(_PAUSE)
        if passed >= self._due["day"]:
            self._due["day"] = passed + _DAY
            await store.tend(tending.optimize)
        await store.tend(tending.checkpoint)  # only with this the file becomes smaller
