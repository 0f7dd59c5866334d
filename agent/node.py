"""The node: one device with its models and its engine. Owns the parts, starts and stops them; all that web is given."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from agent import wishes
from agent.available import Available
from agent.benchmark import Benchmarks
from agent.chat.chat import Chat
from agent.chat.quota import RESERVE, Quota
from agent.chooser import Chooser
from agent.config import Config, Resolved
from agent.device import DeviceSettings
from agent.device_id import device_id
from agent.discovery.discovery import Discovery
from agent.discovery.facts import facts
from agent.downloads import Downloads
from agent.embeddings.service import Embeddings
from agent.engines import ModelInfo
from agent.errors import ConfigError, EngineUnavailableError
from agent.health import chosen, health
from agent.hostnames import reached_at
from agent.inference import frames
from agent.inference.answer import Answer
from agent.inference.pending import Place
from agent.inference.set_aside import SetAside
from agent.inference.supervisor import Supervisor
from agent.journal import Journal
from agent.measurements import Measurements
from agent.modelless import modelless
from agent.models import ModelStore
from agent.plan import Plan
from agent.reloading import Reloaded, reload
from agent.security.accounts import Accounts
from agent.selection import Considered
from agent.state import Health, SelectionState
from agent.steward import Coming, Steward
from agent.store import Store
from agent.survey import LIVE
from agent.telemetry.reading import Reading
from agent.telemetry.telemetry import Telemetry
from agent.thinking import as_chosen
from agent.vitals import Traffic, Vitals

_INSTALL_RETRY = 5  # seconds, said to clients while the first model is on its way


class Node:
    """One device. `start` returns at once; what goes on is told by `health`."""

    def __init__(
        self, config: Config, environment: Mapping[str, str], origins: Mapping[str, str] | None = None
    ) -> None:
        self.config = config
        self.models = ModelStore(config.models_dir)
        self.started = time.time()
        self.set_aside = SetAside(config.state_dir / "set-aside.json")
        self._supervisor = Supervisor(self.set_aside, environment, queue=config.queue, step_timeout=config.step_timeout)
        self.requests = self._supervisor.pending.requests
        self.tends = self._supervisor.tends
        measurements = Measurements(config.state_dir / "measurements.json")
        chooser = Chooser(config, self.models, self.set_aside, measurements, environment)
        self._supervisor.on_speed = chooser.learn
        self._steward = Steward(chooser, self._supervisor)
        self._chooser = chooser
        self._task: asyncio.Task[None] | None = None
        self.id = ""
        self.reread: Callable[[], Resolved] | None = None
        self.stopping = False
        self.store = Store(config.state_dir / "app.db")
        self.settings = DeviceSettings(self.store, config, origins or {})
        self.settings.on_change = self._configure
        self.security = Accounts.on(self.store, config.state_dir)
        self.chat = Chat(self.store, self, Quota(config.chat_quota << 20, RESERVE, config.state_dir))
        self.vitals = Vitals(LIVE, self._traffic, disk=config.state_dir)
        self.downloads = Downloads(self.models, lambda: self.config.sources())  # noqa: PLW0108 - the config changes
        self._steward.others_download = self.downloads.busy
        results = config.state_dir / "benchmarks.json"
        self.embeddings = Embeddings(self, environment)
        self.benchmarks = Benchmarks(results, self.generate, lambda: self._supervisor.active)
        everything = replace(chooser, config=msgspec.structs.replace(config, licences="any"))
        self.available = Available(everything, self._supervisor.memory)
        self.logs = Journal()
        self.discovery = Discovery(lambda: facts(self), lambda: reached_at(config.host))
        self.telemetry = Telemetry(self)
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make ready for people: what is kept, who may come in, how the device is doing. Before `start`.

        Raises:
            StoreError: app.db cannot be opened or written.
        """
        self.store.open()
        self.id = await device_id(self.store)
        await self.settings.load()
        self._configure()
        await self.security.start()
        if self.config.auth == "open":
            await self.security.users.open_user()
        await self.chat.open()
        self.downloads.recall()
        await self.telemetry.open()
        self._looking = asyncio.create_task(self.vitals.run(), name="vitals")

    def start(self) -> None:
        """Begin to choose, install and load a model.

        Raises:
            ModelError: the configured model is not there, or its file is broken.
        """
        self.telemetry.start()
        if not self.config.chooses:
            self._supervisor.start([modelless(self.config)])
            return
        if self.config.model:
            self._chooser.named()
        self._task = asyncio.create_task(self._steward.run(), name="steward")

    async def stop(self) -> None:
        """End everything; running answers are told, and kept as far as they are."""
        self.stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
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
        self.store.close()

    def health(self) -> Health:
        """Return what the node is doing now."""
        return health(self._supervisor.status, self._steward, self._supervisor.active, choosing=self._task is not None)

    def reading(self) -> Reading:
        """Return what metrics are read from."""
        reporting = self.telemetry.backlog(), self.telemetry.uplink()
        return Reading(self.health(), self.requests, self.vitals.uptime(), self.vitals.now(), *reporting)

    def selection(self) -> SelectionState | None:
        """Return what was chosen and why, and what is on its way; None before the first choice."""
        failures = list(self._supervisor.failures.values())
        return chosen(self._supervisor.status, self._steward, self._chooser.wanted(), failures)

    def try_again(self, model: str) -> bool:
        """Forget that a model was set aside, and choose anew; False when it is not.

        Args:
            model: what its file is known by, as in `set_aside`.
        """
        known = self.set_aside.clear(model)
        if known:
            self._steward.look_again()
        return known

    def use_model(self, name: str) -> str:
        """Have an installed model serve from the next quiet moment on, or with `auto` the best; return its full name.

        Raises:
            ModelNotFoundError: it is not installed.
            ConfigError: the configuration says what serves, or the choice cannot be written.
        """
        if self.config.model or self._task is None:
            raise ConfigError(f"The configuration says what serves: {self.config.model or self.config.engine}.")
        chosen = wishes.choose(self.config, self.models, name)
        self._supervisor.failures.pop(chosen, None)
        self._steward.look_again()
        return chosen

    async def restart_engine(self, patience: float) -> None:
        """Start the engine anew, after at most `patience` seconds for the answers in progress.

        Raises:
            EngineUnavailableError: nothing serves.
        """
        if self._supervisor.status.state != "failed":
            await self._supervisor.restart(patience)
        elif self._task is None:
            self._supervisor.start([modelless(self.config)])
        else:
            self._supervisor.failures.clear()
            self._steward.look_again()

    async def reload_config(self) -> Reloaded:
        """Read the configuration again, and follow what can change while the daemon runs.

        Raises:
            ConfigError: it is wrong, and nothing was changed.
        """
        reloaded = reload(self.settings, self.reread)
        self._steward.look_again()
        return reloaded

    @property
    def failures(self) -> Mapping[str, str]:
        """Why models that were to serve do not, in sentences, by name."""
        return self._supervisor.failures

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
        entry = self._considered(name)
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
        with self.requests.admission():
            health = self.health()
            if health.status == "downloading":
                raise EngineUnavailableError(health.detail, retry_after=_INSTALL_RETRY)
            if self._supervisor.status.state == "stopped" and self._task is not None:
                retry = _INSTALL_RETRY if health.status == "loading" else 0
                raise EngineUnavailableError(health.detail, retry_after=retry, hint=health.hint)
            running = self._considered(self._supervisor.status.model)
            return self._supervisor.generate(as_chosen(request, running), who)

    def _considered(self, name: str) -> Considered | None:
        return self._steward.selection.of_installed(name) if self._steward.selection else None

    def _configure(self) -> None:
        """Follow what the owner has set on the pages; a model that was chosen for something else is chosen anew."""
        self.config = self.settings.config
        self._steward.configure(self.config)
        self.available.configure(self.config)
        self.discovery.update()
        self.telemetry.configure()

    def _traffic(self) -> Traffic:
        return Traffic(self._supervisor.active, self.waiting, self._supervisor.pending.tokens, self.engine_pid)
