"""What keeps the pages of a node up, whatever crashes: safe mode, with all that follows it."""

import asyncio
from collections.abc import Mapping
from functools import partial

from agent.config import Config
from agent.device import DeviceSettings
from agent.discovery.discovery import Discovery
from agent.engine_room import EngineRoom
from agent.safe_mode.crashes import Crashes
from agent.safe_mode.deaths import Bounds, Deaths
from agent.safe_mode.parts import Parts
from agent.safe_mode.safe_mode import SafeMode
from agent.safe_mode.smallest import smallest
from agent.safe_mode.spartan import Spartan
from agent.waiting import end


class Safety:
    """First `settings`, then `watch`, then `start`; at the end `stop`.

    Attributes:
        mode: says how much runs.
        parts: those that are not essential are started by it.

    Args:
        mode: of this life.
        config: the settings of the start.
        origins: for each where its value came from.
    """

    def __init__(self, mode: SafeMode, config: Config, origins: Mapping[str, str]) -> None:
        self.mode = mode
        self.parts = Parts()
        self._spartan = Spartan(mode, config, origins)
        self._crashes: Crashes | None = None
        self._settings: DeviceSettings | None = None
        self._discovery: Discovery | None = None
        self._port = 0
        self._tasks: list[asyncio.Task[None]] = []

    def settings(self) -> tuple[Config, Mapping[str, str]]:
        """Return the settings to begin with, and where they come from."""
        return self._spartan.begin()

    def watch(self, room: EngineRoom, settings: DeviceSettings, discovery: Discovery) -> None:
        """Look after these from now on."""
        self._settings, self._discovery = settings, discovery
        limit = settings.given.crash_limit
        deaths = Deaths(Bounds(deaths=limit))
        self._crashes = Crashes(self.mode, room.restraints, partial(smallest, room.chooser), deaths)
        if settings.given.chooses and limit:
            room.supervisor.on_death = self._crashes.died
        self.mode.on_change.append(self._follow)
        self._crashes.hold()

    def start(self) -> None:
        """Begin to look after the time."""
        if self._crashes is not None:
            self._tasks = [asyncio.create_task(self.mode.run()), asyncio.create_task(self._crashes.run())]

    async def stop(self) -> None:
        """Look after nothing any more."""
        await end(self._tasks)

    def announce(self, port: int) -> None:
        """Announce what listens at a port, as long as that is wanted."""
        self._port = port
        self.parts.failures.pop("discovery", None)
        if self._discovery is not None and self._settings is not None:
            with self.parts.optional("discovery"):
                self._discovery.announce(port if self._settings.config.discovery else 0)

    def spare(self) -> None:
        """Take the settings away again that safe mode takes away, after they have changed."""
        if self.mode.level > 1 and self._settings is not None:
            self._spartan.follow(self._settings)

    def leave(self) -> None:
        """Try again with everything, also with the models that the engine has died with."""
        self.mode.leave()
        if self._crashes is not None:
            self._crashes.forget()

    def _follow(self) -> None:
        if self._settings is not None:
            self._spartan.follow(self._settings)
        self.announce(self._port)
