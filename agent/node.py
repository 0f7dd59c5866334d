"""The node: one device with its models and its engine. Owns the parts, starts and stops them; all that web is given."""

import asyncio
import importlib.metadata
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from agent.chooser import Chooser
from agent.config import Config
from agent.engines import ModelInfo
from agent.errors import EngineUnavailableError
from agent.inference import frames
from agent.inference.answer import Answer
from agent.inference.candidate import Candidate
from agent.inference.set_aside import SetAside
from agent.inference.supervisor import Supervisor
from agent.measurements import Measurements
from agent.models import ModelStore
from agent.plan import Plan
from agent.selection import Selection
from agent.steward import Coming, Steward

VERSION = importlib.metadata.version("edgewise")
_INSTALL_RETRY = 5  # seconds, said to clients while the first model is on its way
_THINKING = "enable_thinking"  # the variable by which chat templates are told (Qwen3, SmolLM3, Gemma 4 and others)
_DEFAULT_CONTEXT, _DEFAULT_PARALLEL, _DEFAULT_MICRO_BATCH = 4096, 4, 512  # of engines without a model file


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `/healthz` says. `status` is `ok`, `loading`, `downloading`, `restarting` or `failed`."""

    status: str
    version: str
    model: str = ""
    detail: str = ""
    hint: str = ""
    progress: float = 0.0
    active: int = 0
    restarts: int = 0


class SelectionState(msgspec.Struct, frozen=True):
    """What `GET /api/edgewise/selection` says.

    Attributes:
        serving: name of the installed model that answers now; empty while none does.
        wanted: name of the model that the user has chosen; empty when the choice is ours.
        coming: what is being installed and how far it is, or what cannot be installed and why; empty otherwise.
        failures: why models that were to serve do not, in sentences; those that crashed, or missed what was predicted.
        selection: the choice with all its reasons.
    """

    serving: str
    wanted: str
    coming: str
    failures: list[str]
    selection: Selection


class Node:
    """One device. `start` returns at once; what goes on is told by `health`."""

    def __init__(self, config: Config, environment: Mapping[str, str]) -> None:
        self.config = config
        self.store = ModelStore(config.models_dir)
        self.started = time.time()
        self.set_aside = SetAside(config.state_dir / "set-aside.json")
        self._supervisor = Supervisor(self.set_aside, environment, queue=config.queue, step_timeout=config.step_timeout)
        measurements = Measurements(config.state_dir / "measurements.json")
        chooser = Chooser(config, self.store, self.set_aside, measurements, environment)
        self._supervisor.on_speed = chooser.learn
        self._steward = Steward(chooser, self._supervisor)
        self._chooser = chooser
        self._task: asyncio.Task[None] | None = None

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
        """End everything; running answers are told."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        await self._supervisor.stop()

    def health(self) -> Health:
        """Return what the node is doing now."""
        status, coming, trouble = self._supervisor.status, self._steward.coming, self._steward.trouble
        if status.state == "stopped" and trouble is not None:
            return Health("failed", VERSION, detail=trouble.message, hint=trouble.hint)
        if status.state in {"stopped", "failed"} and coming is not None:
            return self._first_download(coming)
        if status.state == "stopped" and self._task is not None:
            return Health("loading", VERSION, detail="Looking at this computer.")
        more = trouble.message if trouble else coming.describe() if coming else ""
        return Health(
            status={"ready": "ok", "stopped": "loading", "refused": "loading"}.get(status.state, status.state),
            version=VERSION,
            model=status.model,
            detail=f"{status.detail} {more}".rstrip(),
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

    def serves(self, name: str) -> bool:
        """Tell whether a request for this model name is for the model that runs or loads."""
        aliases = self.config.aliases
        return name in {"", "default", self._supervisor.status.model, *aliases} or "*" in aliases

    def generate(self, request: frames.Generate) -> Answer:
        """Hand a request to the engine.

        Raises:
            EngineUnavailableError: no model is ready; says why, and whether waiting helps.
            QueueFullError: too many requests are waiting.
        """
        health = self.health()
        if health.status == "downloading":
            raise EngineUnavailableError(health.detail, retry_after=_INSTALL_RETRY)
        if self._supervisor.status.state == "stopped" and self._task is not None:
            retry = _INSTALL_RETRY if health.status == "loading" else 0
            raise EngineUnavailableError(health.detail, retry_after=retry, hint=health.hint)
        return self._supervisor.generate(self._with_defaults(request))

    def _with_defaults(self, request: frames.Generate) -> frames.Generate:
        """Have models that may think or not do what they were chosen for, unless the request says otherwise."""
        selection = self._steward.selection
        if selection is None or _THINKING in request.template:
            return request
        entries = (selection, *selection.rejected)
        running = next((entry for entry in entries if entry.installed == self._supervisor.status.model), None)
        if running is None:
            return request
        return msgspec.structs.replace(request, template={**request.template, _THINKING: running.thinking})

    def _first_download(self, coming: Coming) -> Health:
        """Return what there is to say while nothing can be served yet."""
        failed = self._supervisor.status.detail
        if coming.trouble is not None:
            detail = f"{failed} {coming.trouble.message}".lstrip()
            return Health("failed", VERSION, detail=detail, hint=coming.trouble.hint)
        progress = coming.progress
        share = progress.done / progress.total if progress and progress.total else 0.0
        detail = f"{failed} {coming.describe()}".lstrip()
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
