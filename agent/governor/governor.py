"""Looks every two seconds, asks the policies, and does what they say."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from agent.config import Config
from agent.embeddings.service import Embeddings
from agent.engine_room import EngineRoom
from agent.governor import limits, saying
from agent.governor.heat import HeatPolicy
from agent.governor.holding import Holding
from agent.governor.looking import Limits, Looked, look
from agent.governor.room import LEAN, MemoryPolicy
from agent.governor.sensor import Heat, Sensors
from agent.governor.state import Governed
from agent.governor.supply import SupplyPolicy
from agent.hardware.tree import Tree
from agent.inference.frames import Govern
from agent.inference.shares import SHARES
from agent.survey import LIVE
from agent.vitals import Vitals

logger = logging.getLogger(__name__)

_TICK = 2.0  # seconds between two looks; a die is as warm as it gets from a burst after about four


class Host(Protocol):
    """What is needed of the node."""

    config: Config
    embeddings: Embeddings
    vitals: Vitals


class Governor:
    """Runs as one task.

    Args:
        host: the node.
        room: whose engine works less.
        root: of the tree of /proc and /sys.
        clock: in seconds; only goes forward.
    """

    def __init__(
        self, host: Host, room: EngineRoom, root: Path = LIVE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._host = host
        self._room = room
        self._root = root
        self._clock = clock
        self._limits: Limits | None = None
        self._reason = ""
        self._begin()

    def _begin(self) -> None:
        self._sensors, self._heat, self._supply, self._memory = Sensors(), HeatPolicy(), SupplyPolicy(), MemoryPolicy()
        self._holding = Holding(self._room)

    def state(self) -> Governed:
        """Return what it does at the moment."""
        supervisor = self._room.supervisor
        plan = supervisor.plan
        threads = (supervisor.pacing.threads or plan.threads) if plan else 0
        return Governed(self._level, SHARES[self._level], threads, self._reason)

    @property
    def _level(self) -> int:
        return max(self._heat.level, self._supply.level)

    async def run(self) -> None:
        """Look, decide, and do it, until cancelled."""
        self._limits = await asyncio.to_thread(limits.find, self._host.config, self._root)
        while True:
            try:
                await self.look()
            except Exception:  # the top of this task: nobody else would hear of it
                logger.exception("The governor could not look")
            await asyncio.sleep(_TICK)

    async def look(self) -> None:
        """Look once, decide, and do it."""
        config = self._host.config
        if not config.governor:
            self._let_go()
            return
        seen = await asyncio.to_thread(look, Tree(self._root), self._limits_of(config), self._room.supervisor.pid)
        now = self._clock()
        self._slow_down(now, seen, config)
        await self._make_room(now, seen)

    def _limits_of(self, config: Config) -> Limits:
        if self._limits is None:
            self._limits = limits.find(config, self._root)
        return Limits(config.heat_limit, config.heat_limit) if config.heat_limit else self._limits

    def _slow_down(self, now: float, seen: Looked, config: Config) -> None:
        """Follow heat and the supply of power."""
        heat, sample = self._sensors.look(now, seen.sensors), self._host.vitals.now()
        watts = sample.watts if sample else None
        before = self._level
        changed = self._heat.look(now, heat, seen.flags, busy=self._room.supervisor.active > 0)
        changed |= self._supply.look(now, seen.flags, seen.battery, watts, config.power_limit)
        if changed:
            self._reason = self._why(heat, seen, before)
            worse = self._level > before
            logger.log(logging.WARNING if worse else logging.INFO, "%s", self._reason or "The engine has all its power")
            self._govern()
        self._holding.hot(heat, lasting=self._heat.lasting)

    def _why(self, heat: Heat | None, seen: Looked, before: int) -> str:
        """Return the reason for the level, in words."""
        share = SHARES[self._level]
        if not self._level:
            return ""
        if self._level < before:
            return saying.returning(share)
        if self._heat.level >= self._supply.level:
            return saying.slowed_by_heat(heat, share)
        battery = seen.battery if self._supply.on_battery else None
        return saying.slowed_by_supply(battery, share, weak=self._supply.weak)

    async def _make_room(self, now: float, seen: Looked) -> None:
        """Follow memory."""
        settled, more = self._holding.settled(now), self._holding.more(self._memory.stage)
        if self._memory.look(now, seen.room, more=more, settled=settled):
            logger.info("%d MB of memory are left, stage %d", seen.room.usable >> 20, self._memory.stage)
            self._holding.memory(now, self._memory.stage, seen.room)
            self._govern()
        if self._memory.stage >= LEAN:
            await self._host.embeddings.release()

    def _govern(self) -> None:
        self._room.supervisor.govern(Govern(SHARES[self._level], conversations=self._memory.stage < LEAN))

    def _let_go(self) -> None:
        """Undo everything: somebody has switched the governor off."""
        if self._level or self._memory.stage or self._heat.lasting:
            self._holding.lift()
            self._begin()
            self._reason = ""
            self._govern()
