"""The daemon as a service of systemd: ready when it listens, alive as long as its parts answer, and how it is doing.

The network has no part in this. A device without it serves its chat, and a restart would not bring it back.
"""

import asyncio
import logging
import time

from agent.errors import ConfigError
from agent.node import Node
from agent.notify import Notifier, Supervision

logger = logging.getLogger(__name__)

_OPENING = 600  # seconds for the stores: new tables in a large database on a slow card
_ENDING = 60  # seconds to keep what is being answered
_PINGS = 4  # in the time of the watchdog, so that a late one does no harm
_LOOK = 10.0  # seconds between two looks at the state, for `systemctl status`


class Service:
    """Tells systemd about a node."""

    def __init__(self, node: Node, supervision: Supervision) -> None:
        self._node = node
        self._notifier = Notifier(supervision.address)
        self._watched = supervision.watchdog > 0
        self._pause = supervision.watchdog / _PINGS if self._watched else _LOOK
        self._wanted = bool(supervision.address)
        self._tending: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._url = ""

    def opening(self) -> None:
        """Say that the start may take long: it is not over before the stores are open."""
        self._notifier.send(STATUS="Opening the stores", EXTEND_TIMEOUT_USEC=_OPENING * 1_000_000)

    def ready(self, url: str) -> None:
        """Say that people are let in, and begin to say how things are. The model may still be loading."""
        self._url = url
        self._notifier.send(READY=1, STATUS=self.status())
        if self._wanted:
            self._tending = asyncio.create_task(self._tend(), name="systemd watchdog")

    def stopping(self) -> None:
        """Say that the daemon ends, which may take as long as it takes to keep what is being answered."""
        for task in (self._tending, self._reading):
            if task is not None:
                task.cancel()
        self._notifier.send(STOPPING=1, STATUS="Shutting down", EXTEND_TIMEOUT_USEC=_ENDING * 1_000_000)

    def reload(self) -> None:
        """Read the configuration again, unless that is going on."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._reload(), name="reload")

    async def _reload(self) -> None:
        """Read the configuration again, and say when that is done. What is wrong in it changes nothing."""
        self._notifier.send(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000, STATUS="Reading the configuration")
        try:
            reloaded = await self._node.reload_config()
        except ConfigError as error:
            logger.error("The configuration is not followed: %s", error.message)  # noqa: TRY400 - it is the user's
        else:
            logger.info("The configuration was read again; changed: %s", ", ".join(reloaded.changed) or "nothing")
            if reloaded.waiting:
                logger.info("In force after a restart: %s", ", ".join(reloaded.waiting))
        self._notifier.send(READY=1, STATUS=self.status())

    def status(self) -> str:
        """Return the line that `systemctl status` shows."""
        health = self._node.health()
        if health.status != "ok":
            return f"{health.detail or health.status} · {self._url}"
        waiting = f", {self._node.waiting} waiting" if self._node.waiting else ""
        return f"Serving {self._node.title(health.model)} · {health.active} requests{waiting} · {self._url}"

    async def _tend(self) -> None:
        """Ping after the event loop (by being here), the writer of app.db and the engine's supervisor have answered.

        Whoever of them does not answer keeps the ping away; systemd counts the time.
        """
        told = ""
        while True:
            await asyncio.sleep(self._pause)
            await self._node.store.answer()
            if not self._node.tends():
                continue  # for a moment while another model takes over; for good if the supervisor has failed
            status = self.status()
            news = {"STATUS": status} if status != told else {}
            pulse = {"WATCHDOG": 1} if self._watched else {}
            if news or pulse:
                self._notifier.send(**pulse, **news)
            told = status
