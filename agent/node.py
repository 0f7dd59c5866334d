"""The node: one device with its models and its engine. Owns the parts, starts and stops them; all that web is given."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from agent.available import Available
from agent.benchmark import Benchmarks
from agent.chat.chat import Chat
from agent.chat.quota import RESERVE, Quota
from agent.config import Config, Resolved
from agent.device import DeviceSettings
from agent.device_id import device_id
from agent.discovery.discovery import Discovery
from agent.discovery.facts import facts
from agent.downloads import Downloads
from agent.embeddings.service import Embeddings
from agent.engine_room import EngineRoom
from agent.engines import ModelInfo
from agent.governor.governor import Governor
from agent.hostnames import reached_at
from agent.inference import frames
from agent.inference.answer import Answer
from agent.inference.pending import Place
from agent.journal import Journal
from agent.models import ModelStore, TransferSettings
from agent.plan import Plan
from agent.reloading import Reloaded, reload
from agent.safe_mode.safe_mode import SafeMode
from agent.safe_mode.safety import Safety
from agent.security.accounts import Accounts
from agent.state import Health, SelectionState
from agent.steward import Coming
from agent.store import Store
from agent.survey import LIVE
from agent.telemetry.reading import Reading
from agent.telemetry.telemetry import Telemetry
from agent.upkeep.upkeep import Upkeep
from agent.vitals import Traffic, Vitals
from agent.waiting import end


class Node:
    """One device. `start` returns at once; what goes on is told by `health`."""

    def __init__(
        self,
        config: Config,
        environment: Mapping[str, str],
        origins: Mapping[str, str] | None = None,
        safe_mode: SafeMode | None = None,
    ) -> None:
        self.safety = Safety(safe_mode or SafeMode(config.state_dir), config, origins or {})
        config, origins = self.safety.settings()
        self.config = config
        self.upkeep = Upkeep(self)
        self.models = ModelStore(config.models_dir, TransferSettings(make_room=self.upkeep.make_room))
        self.started = time.time()
        self._room = EngineRoom(config, self.models, environment)
        self.set_aside, self.restraints = self._room.set_aside, self._room.restraints
        self._supervisor, self._steward = self._room.supervisor, self._room.steward
        self._chooser = self._room.chooser
        self.requests = self._supervisor.pending.requests
        self.tends = self._supervisor.tends
        self.id = ""
        self.reread: Callable[[], Resolved] | None = None
        self.stopping = self.supervised = False
        self.store = Store(config.state_dir / "app.db")
        self.settings = DeviceSettings(self.store, config, origins)
        self.settings.on_change = self._configure
        self.security = Accounts.on(self.store, config.state_dir)
        self.chat = Chat(self.store, self, Quota(config.chat_quota << 20, RESERVE, config.state_dir))
        self.vitals = Vitals(LIVE, self._traffic, disk=config.state_dir)
        self.downloads = Downloads(self.models, lambda: self.config.sources())  # noqa: PLW0108 - the config changes
        self._steward.others_download = self.downloads.busy
        results = config.state_dir / "benchmarks.json"
        self.embeddings = Embeddings(self, environment)
        supervisor = self._supervisor
        self.benchmarks = Benchmarks(results, self.generate, lambda: supervisor.active, supervisor.pacing.slowed)
        everything = replace(self._chooser, config=msgspec.structs.replace(config, licences="any"))
        self.available = Available(everything, self._memory)
        self._steward.memory = self._memory
        self.logs = Journal()
        self.governor = Governor(self, self._room)
        self.discovery = Discovery(lambda: facts(self), lambda: reached_at(config.host))
        self.telemetry = Telemetry(self)
        self._looking: asyncio.Task[None] | None = None
        self._governing: asyncio.Task[None] | None = None
        self.safety.watch(self._room, self.settings, self.discovery)

    async def open(self) -> None:
        """Make ready for people: what is kept, who may come in, how the device is doing. Before `start`.

        Raises:
            StoreError: app.db cannot be opened or written.
        """
        await asyncio.to_thread(self.upkeep.prepare)
        self.store.open()
        self.id = await device_id(self.store)
        await self.settings.load()
        self._configure()
        await self.security.start()
        if self.config.auth == "open":
            await self.security.users.open_user()
        await self.chat.open()
        with self.safety.parts.optional("downloads"):
            self.downloads.recall()
        with self.safety.parts.optional("telemetry"):
            await self.telemetry.open()
        self._looking = asyncio.create_task(self.vitals.run(), name="vitals")
        with self.safety.parts.optional("upkeep"):
            self.upkeep.start()

    def start(self) -> None:
        """Begin to choose, install and load a model.

        Raises:
            ModelError: the configured model is not there, or its file is broken.
        """
        with self.safety.parts.optional("telemetry"):
            self.telemetry.start()
        self._room.start(insist=not self.supervised)
        self._governing = asyncio.create_task(self.governor.run(), name="governor")
        self.safety.start()

    async def stop(self) -> None:
        """End everything; running answers are told, and kept as far as they are."""
        self.stopping = True
        await self.safety.stop()
        await end([self._governing] if self._governing else [])
        await self._room.stop_choosing()
        await asyncio.gather(
            self._supervisor.stop(), self.embeddings.stop(), self.discovery.stop(), self.telemetry.close()
        )
        if self._looking is not None:
            await self._close(self._looking)

    async def _close(self, looking: asyncio.Task[None]) -> None:
        """End what `open` has begun."""
        looking.cancel()
        self._looking = None
        await self.downloads.close()
        await self.chat.close()
        self.security.stop()
        await self.upkeep.close()
        self.store.close()

    def health(self) -> Health:
        """Return what the node is doing now."""
        return msgspec.structs.replace(self._room.health(), safe_mode=self.safety.mode.state())

    def reading(self) -> Reading:
        """Return what metrics are read from."""
        latest = self.telemetry.backlog(), self.telemetry.uplink(), self.upkeep.news.all(), self.governor.state()
        return Reading(self.health(), self.requests, self.vitals.uptime(), self.vitals.now(), *latest)

    def selection(self) -> SelectionState | None:
        """Return what was chosen and why, and what is on its way; None before the first choice."""
        return self._room.selection()

    def try_again(self, model: str) -> bool:
        """Forget that a model was set aside, and choose anew; False when it is not.

        Args:
            model: what its file is known by, as in `set_aside`.
        """
        return self._room.try_again(model)

    def use_model(self, name: str) -> str:
        """Have an installed model serve from the next quiet moment on, or with `auto` the best; return its full name.

        Raises:
            ModelNotFoundError: it is not installed.
            ConfigError: the configuration says what serves, or the choice cannot be written.
        """
        return self._room.use(name)

    async def restart_engine(self, patience: float) -> None:
        """Start the engine anew, after at most `patience` seconds for the answers in progress.

        Raises:
            EngineUnavailableError: nothing serves.
        """
        await self._room.restart(patience)

    async def reload_config(self) -> Reloaded:
        """Read the configuration again, and follow what can change while the daemon runs.

        Raises:
            ConfigError: it is wrong, and nothing was changed.
        """
        reloaded = reload(self.settings, self.reread)
        self.safety.spare()
        self._steward.look_again()
        return reloaded

    @property
    def failures(self) -> Mapping[str, str]:
        """Why models that were to serve do not, in sentences, by name."""
        return self._room.failures()

    @property
    def name(self) -> str:
        """What the device is called."""
        return self.settings.device.name

    @property
    def coming(self) -> Coming | None:
        """The model that is being installed because it was chosen, if there is one."""
        return self._steward.coming

    @property
    def waiting(self) -> int:
        """How many requests wait for a place."""
        return self._supervisor.pending.waiting

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded, or None while nothing is."""
        return self._supervisor.status.info

    @property
    def plan(self) -> Plan | None:
        """How the model runs, or None while nothing is loaded."""
        return self._supervisor.plan

    @property
    def load_seconds(self) -> float:
        """How long the model took to load."""
        return self._supervisor.status.load_seconds

    @property
    def engine_pid(self) -> int:
        """Process id of the engine; 0 while there is none."""
        return self._supervisor.pid

    def names(self) -> list[str]:
        """Return the names of the models that answer requests now: one, or none."""
        return [self._supervisor.status.model] if self.model else []

    def title(self, name: str) -> str:
        """Return what people call an installed model."""
        entry = self._room.considered(name)
        return entry.title if entry else name

    def serves(self, name: str) -> bool:
        """Tell whether a request for this model name is for the model that runs or loads."""
        aliases = self.config.aliases
        return name in {"", "default", self._supervisor.status.model, *aliases} or "*" in aliases

    def progress(self) -> float:
        """Return how much of the model is loaded or downloaded, from 0 to 1."""
        return self.health().progress

    def place(self, answer: Answer) -> Place | None:
        """Return where a request stands in the queue; None once it is begun."""
        return self._supervisor.pending.place(answer.id, self.model.parallel if self.model else 1)

    def generate(self, request: frames.Generate, who: str = "") -> Answer:
        """Hand a request to the engine. `who` is whose share of the queue it takes, if anybody's.

        Raises:
            EngineUnavailableError: no model is ready; says why, and whether waiting helps.
            QueueFullError: too many requests are waiting, in all or of whoever asks.
        """
        return self._room.generate(request, who)

    def _memory(self) -> int:
        """Return the bytes that our processes take and would give back; selection counts them anew."""
        return self._supervisor.memory() + self.embeddings.memory()

    def _configure(self) -> None:
        """Follow what the owner has set on the pages; a model that was chosen for something else is chosen anew."""
        self.config = self.settings.config
        self._room.configure(self.config)
        self.available.configure(self.config)
        self.discovery.update()
        self.telemetry.configure()

    def _traffic(self) -> Traffic:
        return Traffic(self._supervisor.active, self.waiting, self._supervisor.pending.tokens, self.engine_pid)
