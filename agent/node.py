"""The node: one device with its models and its engine. Owns the parts, starts and stops them; all that web is given."""

import asyncio
import importlib.metadata
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from agent.available import Available
from agent.benchmark import Benchmarks
from agent.chat.chat import Chat
from agent.chat.quota import RESERVE, Quota
from agent.chooser import Chooser
from agent.config import Config
from agent.device import DeviceSettings
from agent.device_id import device_id
from agent.downloads import Downloads
from agent.engines import ModelInfo
from agent.errors import EngineUnavailableError
from agent.inference import frames
from agent.inference.answer import Answer
from agent.inference.candidate import Candidate
from agent.inference.pending import Place
from agent.inference.set_aside import SetAside
from agent.inference.supervisor import Supervisor
from agent.journal import Journal
from agent.measurements import Measurements
from agent.models import ModelStore
from agent.phrase import Phrase, joined
from agent.plan import Plan
from agent.security.accounts import Accounts
from agent.state import Health, SelectionState
from agent.steward import Coming, Steward
from agent.store import Store
from agent.survey import LIVE
from agent.vitals import Traffic, Vitals

VERSION = importlib.metadata.version("edgewise")
_INSTALL_RETRY = 5  # seconds, said to clients while the first model is on its way
_THINKING = "enable_thinking"  # the variable by which chat templates are told (Qwen3, SmolLM3, Gemma 4 and others)
_DEFAULT_CONTEXT, _DEFAULT_PARALLEL, _DEFAULT_MICRO_BATCH = 4096, 4, 512  # of engines without a model file


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
        measurements = Measurements(config.state_dir / "measurements.json")
        chooser = Chooser(config, self.models, self.set_aside, measurements, environment)
        self._supervisor.on_speed = chooser.learn
        self._steward = Steward(chooser, self._supervisor)
        self._chooser = chooser
        self._task: asyncio.Task[None] | None = None
        self.id = ""
        self.stopping = False
        self.store = Store(config.state_dir / "app.db")
        self.settings = DeviceSettings(self.store, config, origins or {})
        self.settings.on_change = self._configure
        self.security = Accounts.on(self.store, config.state_dir)
        self.chat = Chat(self.store, self, Quota(config.chat_quota << 20, RESERVE, config.state_dir))
        self.vitals = Vitals(LIVE, self._traffic)
        self.downloads = Downloads(self.models, config.sources)
        results = config.state_dir / "benchmarks.json"
        self._steward.others_download = self.downloads.busy
        self.benchmarks = Benchmarks(results, self.generate, lambda: self._supervisor.active)
        everything = replace(chooser, config=msgspec.structs.replace(config, licences="any"))
        self.available = Available(everything, self._supervisor.memory)
        self.logs = Journal()
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
        self._looking = asyncio.create_task(self.vitals.run(), name="vitals")

    def start(self) -> None:
        """Begin to choose, install and load a model.

        Raises:
            ModelError: the configured model is not there, or its file is broken.
        """
        if self.config.engine != "llama_cpp":
            self._supervisor.start([self._modelless()])
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
        await self._supervisor.stop()
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
        status, coming, trouble = self._supervisor.status, self._steward.coming, self._steward.trouble
        if status.state == "stopped" and trouble is not None:
            return Health("failed", VERSION, detail=trouble.message, hint=trouble.hint)
        if status.state in {"stopped", "failed"} and coming is not None:
            return self._first_download(coming)
        if status.state == "stopped" and self._task is not None:
            return Health("loading", VERSION, detail=Phrase("errors.looking", "Looking at this computer."))
        more = trouble.message if trouble else coming.describe() if coming else ""
        return Health(
            status={"ready": "ok", "stopped": "loading", "refused": "loading"}.get(status.state, status.state),
            version=VERSION,
            model=status.model,
            detail=joined(status.detail, more),
            hint=status.hint,
            progress=status.progress,
            active=self._supervisor.active,
            restarts=status.restarts,
        )

    def selection(self) -> SelectionState | None:
        """Return what was chosen and why, and what is on its way; None before the first choice."""
        if self._steward.selection is None:
            return None
        coming = self._steward.coming
        return SelectionState(
            serving=self._supervisor.status.model if self._supervisor.status.state == "ready" else "",
            wanted=self._chooser.wanted(),
            coming=coming.describe() if coming else "",
            failures=list(self._supervisor.failures.values()),
            selection=self._steward.selection,
        )

    def try_again(self, model: str) -> bool:
        """Forget that a model was set aside, and choose anew; False when it is not.

        Args:
            model: what its file is known by, as in `set_aside`.
        """
        known = self.set_aside.clear(model)
        if known:
            self._steward.look_again()
        return known

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
        selection = self._steward.selection
        entry = selection.of_installed(name) if selection else None
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
        health = self.health()
        if health.status == "downloading":
            raise EngineUnavailableError(health.detail, retry_after=_INSTALL_RETRY)
        if self._supervisor.status.state == "stopped" and self._task is not None:
            retry = _INSTALL_RETRY if health.status == "loading" else 0
            raise EngineUnavailableError(health.detail, retry_after=retry, hint=health.hint)
        return self._supervisor.generate(self._with_defaults(request), who)

    def _configure(self) -> None:
        """Follow what the owner has set on the pages; a model that was chosen for something else is chosen anew."""
        self.config = self.settings.config
        self._steward.configure(self.config)
        self.available.configure(self.config)

    def _traffic(self) -> Traffic:
        return Traffic(self._supervisor.active, self.waiting, self._supervisor.pending.tokens, self.engine_pid)

    def _with_defaults(self, request: frames.Generate) -> frames.Generate:
        """Have models that may think or not do what they were chosen for, unless the request says otherwise."""
        selection = self._steward.selection
        if selection is None or _THINKING in request.template:
            return request
        running = selection.of_installed(self._supervisor.status.model)
        if running is None:
            return request
        return msgspec.structs.replace(request, template={**request.template, _THINKING: running.thinking})

    def _first_download(self, coming: Coming) -> Health:
        """Return what there is to say while nothing can be served yet."""
        failed = self._supervisor.status.detail
        if coming.trouble is not None:
            detail = joined(failed, coming.trouble.message)
            return Health("failed", VERSION, detail=detail, hint=coming.trouble.hint)
        progress = coming.progress
        share = progress.done / progress.total if progress and progress.total else 0.0
        detail = joined(failed, coming.describe())
        return Health("downloading", VERSION, model=coming.name, detail=detail, progress=share)

    def _modelless(self) -> Candidate:
        """Return how to run an engine that needs no model, or one that is configured with its file."""
        plan = Plan(
            context=self.config.context or _DEFAULT_CONTEXT,
            parallel=self.config.parallel or _DEFAULT_PARALLEL,
            threads=self.config.threads or 1,
            micro_batch=self.config.micro_batch or _DEFAULT_MICRO_BATCH,
        )
        path = Path(self.config.model).expanduser().absolute() if self.config.model else None
        engine = self.config.engine
        return Candidate(path.stem if path else engine, path, engine, engine, plan)
