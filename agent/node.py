"""The node: one device with its models and its engine. Owns the parts, starts and stops them; all that web is given."""

import asyncio
import contextlib
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
        coming: what is being installed, and how far it is; empty when nothing is.
        selection: the choice with all its reasons.
    """

    serving: str
    wanted: str
    coming: str
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
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._supervisor.stop()

    def health(self) -> Health:
        """Return what the node is doing now."""
        status, coming = self._supervisor.status, self._steward.coming
        if self._steward.trouble is not None:
            return Health("failed", VERSION, detail=self._steward.trouble.message, hint=self._steward.trouble.hint)
        if status.state == "stopped" and coming is not None:
            return self._first_download(coming)
        if status.state == "stopped" and self._task is not None:
            return Health("loading", VERSION, detail="Looking at this computer.")
        return Health(
            status={"ready": "ok", "stopped": "loading", "refused": "failed"}.get(status.state, status.state),
            version=VERSION,
            model=status.model,
            detail=f"{status.detail} {coming.describe()}" if coming else status.detail,
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
            serving=self._supervisor.status.model if self.model else "",
            wanted=self._chooser.wanted(),
            coming=coming.describe() if coming else "",
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
            raise EngineUnavailableError(f"{health.detail}.", retry_after=_INSTALL_RETRY)
        if self._supervisor.status.state == "stopped" and self._task is not None:
            retry = _INSTALL_RETRY if health.status == "loading" else 0
            raise EngineUnavailableError(health.detail, retry_after=retry, hint=health.hint)
        return self._supervisor.generate(self._with_defaults(request))

    def _with_defaults(self, request: frames.Generate) -> frames.Generate:
        """Have models that may think or not answer at once, unless the request says otherwise."""
        if _THINKING in request.template or not self._thinks_needlessly():
            return request
        return msgspec.structs.replace(request, template={**request.template, _THINKING: False})

    def _thinks_needlessly(self) -> bool:
        """Tell whether the model that runs would think although it was chosen to answer at once."""
        selection = self._steward.selection
        if selection is None:
            return False
        entries = (selection, *selection.rejected)
        running = next((entry for entry in entries if entry.installed == self._supervisor.status.model), None)
        return running is not None and not running.thinking

    @staticmethod
    def _first_download(coming: Coming) -> Health:
        """Return what there is to say while nothing can be served yet."""
        if coming.trouble is not None:
            return Health("failed", VERSION, detail=coming.trouble.message, hint=coming.trouble.hint)
        progress = coming.progress
        share = progress.done / progress.total if progress and progress.total else 0.0
        return Health("downloading", VERSION, model=coming.name, detail=coming.describe(), progress=share)

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
