"""Telemetry as the node has it: off, or on; begun anew when the owner changes where reports go."""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import ConfigError, EdgewiseError
from agent.reloading import LIVE
from agent.telemetry.host import Host
from agent.telemetry.reading import Backlog, Uplink
from agent.telemetry.settings import TelemetrySettings

if TYPE_CHECKING:  # it brings the MQTT library, which most devices never need
    from agent.telemetry.reporter import Reporter

logger = logging.getLogger(__name__)


class Telemetry:
    """First `open`, then `start`; at the end `close`. Nothing here waits for the network or raises because of it.

    Attributes:
        reporter: what reports; None while nothing is reported to anybody.
        trouble: why nothing is, though there is a broker to report to; None: no trouble.
    """

    def __init__(self, host: Host) -> None:
        self.reporter: Reporter | None = None
        self.trouble: ConfigError | None = None
        self._host = host
        self._made_by: tuple[TelemetrySettings, int] | None = None  # the reporter
        self._started = False
        self._changing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Find what earlier runs have left; before a model is loaded.

        Raises:
            StoreError: app.db cannot be read.
        """
        await self._follow()

    def start(self) -> None:
        """Begin to report, if there is somebody to report to."""
        self._started = True
        if self.reporter is not None:
            self._changing = asyncio.create_task(self.reporter.start(), name="telemetry")
            self._changing.add_done_callback(_tell)

    def configure(self) -> None:
        """Follow other settings, soon."""
        if self._started and self._wanted() != self._made_by:
            self._changing = asyncio.create_task(self._change(), name="telemetry settings")
            self._changing.add_done_callback(_tell)

    async def close(self) -> None:
        """Say goodbye."""
        self._started = False
        if self._changing is not None:
            await asyncio.wait({self._changing})
        await self._end()

    def backlog(self) -> Backlog | None:
        """Return how much waits for the broker; None: nothing is reported."""
        return self.reporter.backlog() if self.reporter else None

    def uplink(self) -> Uplink | None:
        """Return how the connection is; None: nothing is reported."""
        return self.reporter.uplink() if self.reporter else None

    def _wanted(self) -> tuple[TelemetrySettings, int]:
        """Return what a reporter is made by: settings but those that it looks up anew, and which password there is.

        With another password it has to begin anew: a link that was refused tries again only after minutes.
        """
        config, names = self._host.config, set(TelemetrySettings.__struct_fields__) - LIVE
        settings = TelemetrySettings(**{name: getattr(config, name) for name in names})
        return settings, _version(config.mqtt_password())

    async def _change(self) -> None:
        try:
            await self._follow()
        except EdgewiseError as error:
            logger.error("Nothing is reported: %s", error.message)  # noqa: TRY400 - no bug

    async def _follow(self) -> None:
        async with self._turn:
            await self._end()
            self._made_by, self.trouble = self._wanted(), None
            if not self._made_by[0].mqtt_url:
                return
            from agent.telemetry.reporter import Reporter  # noqa: PLC0415 - see above

            try:
                reporter = Reporter(self._host)
            except ConfigError as error:
                self.trouble = error
                logger.error("Nothing is reported: %s %s", error.message, error.hint)  # noqa: TRY400 - no bug
                return
            await reporter.open()
            if self._started:
                await reporter.start()
            self.reporter = reporter

    async def _end(self) -> None:
        reporter, self.reporter = self.reporter, None
        if reporter is not None:
            await reporter.close()


def _version(password: Path | None) -> int:
    """Return a number that is another one when the file is."""
    try:
        return password.stat().st_mtime_ns if password else 0
    except OSError:  # the link says so at each try
        return 0


def _tell(task: asyncio.Task[None]) -> None:
    """Put into the log what nobody waits for."""
    if not task.cancelled() and (error := task.exception()):
        logger.error("Telemetry could not begin", exc_info=error)
