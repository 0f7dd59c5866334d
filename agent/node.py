"""The node: one device with its models and its engine. Owns the parts, starts and stops them; all that web is given."""

import asyncio
import contextlib
import importlib.metadata
import itertools
import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from agent.config import Config
from agent.engines import ModelInfo
from agent.errors import EdgewiseError, EngineUnavailableError
from agent.gguf import read_header
from agent.inference import frames
from agent.inference.answer import Answer
from agent.inference.set_aside import SetAside
from agent.inference.supervisor import Candidate, Supervisor
from agent.models import ModelStore
from agent.models.progress import Progress, describe
from agent.models.starter import NAME as STARTER_NAME
from agent.plan import Plan

logger = logging.getLogger(__name__)

VERSION = importlib.metadata.version("edgewise")
_MIB = 1 << 20
_DELAYS = (15.0, 30.0, 60.0, 300.0)  # seconds before the starter model is tried again
_LOOK_SECONDS = 1.0  # between two looks for a model that somebody installs
_LOG_SECONDS = 5.0  # between two lines about a download
_INSTALL_RETRY = 5  # seconds, said to clients while the starter model is on its way
_USB_HINT = (
    "Without a network: copy a .gguf file to a USB stick and run `edgewise models pull /media/usb/FILE.gguf`, "
    "or start with `edgewise run --model FILE.gguf`."
)


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


class Node:
    """One device. `start` returns at once; what goes on is told by `health`."""

    def __init__(self, config: Config, environment: Mapping[str, str]) -> None:
        self.config = config
        self.store = ModelStore(config.models_dir)
        self.started = time.time()
        self.set_aside = SetAside(config.state_dir / "set-aside.json")
        self._supervisor = Supervisor(self.set_aside, environment, queue=config.queue, step_timeout=config.step_timeout)
        self._install: Progress | None = None
        self._told = 0.0
        self._trouble: EdgewiseError | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to find, install and load a model.

        Raises:
            ModelError: the configured model is not there, or its file is broken.
        """
        candidates = self._candidates()
        if candidates:
            self._supervisor.start(candidates)
        else:
            self._task = asyncio.create_task(self._install_starter(), name="starter model")

    async def stop(self) -> None:
        """End everything; running answers are told."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._supervisor.stop()

    def health(self) -> Health:
        """Return what the node is doing now."""
        status = self._supervisor.status
        if self._trouble is not None:
            return Health("failed", VERSION, detail=self._trouble.message, hint=self._trouble.hint)
        if self._install is not None:
            share = self._install.done / self._install.total if self._install.total else 0.0
            detail = f"{STARTER_NAME}: {describe(self._install)}"
            return Health("downloading", VERSION, model=STARTER_NAME, detail=detail, progress=share)
        return Health(
            status={"ready": "ok", "stopped": "loading", "refused": "failed"}.get(status.state, status.state),
            version=VERSION,
            model=status.model,
            detail=status.detail,
            hint=status.hint,
            progress=status.progress,
            active=self._supervisor.active,
            restarts=status.restarts,
        )

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded, or None while nothing is."""
        return self._supervisor.status.info

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
        if self._trouble is not None:
            raise EngineUnavailableError(self._trouble.message, hint=self._trouble.hint)
        if self._install is not None:
            raise EngineUnavailableError(f"{self.health().detail}.", retry_after=_INSTALL_RETRY)
        return self._supervisor.generate(request)

    def _candidates(self) -> list[Candidate]:
        """Return what may be run, best first. Selection by hardware takes this place over."""
        if self.config.engine != "llama_cpp":
            return [self._candidate(self.config.engine, self._path() if self.config.model else None)]
        installed = {model.name: self.store.path(model) for model in self.store.installed()}
        if self.config.model:
            path = self._path()
            named = next((name for name, place in installed.items() if place == path), path.stem)
            wanted = {named: path}
        else:
            wanted = {}
        fallback = {name: installed[name] for name in sorted(installed, key=lambda name: name != STARTER_NAME)}
        return [self._candidate(name, path) for name, path in {**wanted, **fallback}.items()]

    def _path(self) -> Path:
        """Return the file of the configured model, checked."""
        given = Path(self.config.model).expanduser()
        path = given.absolute() if given.is_file() else self.store.path(self.store.find(self.config.model))
        if self.config.engine == "llama_cpp":
            read_header(path)
        return path

    def _candidate(self, name: str, path: Path | None) -> Candidate:
        return Candidate(
            name=name,
            path=path,
            engine=self.config.engine,
            build=_build(self.config.engine),
            plan=Plan(
                context=self.config.context,
                parallel=self.config.parallel,
                threads=self.config.compute_threads(),
                micro_batch=self.config.micro_batch,
                prompt_cache=self.config.prompt_cache * _MIB,
            ),
        )

    async def _install_starter(self) -> None:
        """Fetch the starter model and run it; tries again, since a network may come up later than this device."""
        logger.info("No model is installed; fetching the starter, %s", STARTER_NAME)
        for delay in itertools.chain(_DELAYS, itertools.repeat(_DELAYS[-1])):
            try:
                await self.store.pull("starter", self.config.sources(), on_progress=self._progress)
                break
            except EdgewiseError as error:
                self._trouble = type(error)(error.message, hint=error.hint or _USB_HINT)
                logger.error("%s %s", error.message, self._trouble.hint)  # noqa: TRY400 - a missing network is no bug
            finally:
                self._install = None
            if await self._model_appears(math.inf if self.config.offline else delay):
                break
        self._trouble = None
        self._supervisor.start(self._candidates())

    async def _model_appears(self, seconds: float) -> bool:
        """Wait until somebody has installed a model, by USB for example; False when nobody did in that time."""
        end = time.monotonic() + seconds
        while not self.store.installed():
            if time.monotonic() >= end:
                return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    def _progress(self, progress: Progress) -> None:
        """Note how far the starter model is, and log it now and then for whoever watches the terminal."""
        news = self._install is None or progress.state != self._install.state
        self._install = progress
        if progress.state == "downloading":
            self._trouble = None
        if news or time.monotonic() - self._told >= _LOG_SECONDS:
            self._told = time.monotonic()
            logger.info("%s: %s", STARTER_NAME, describe(progress))


def _build(engine: str) -> str:
    """Return the version of an engine's library without loading it."""
    package = {"llama_cpp": "llama-cpp-python"}.get(engine)
    return f"{engine} {importlib.metadata.version(package)}" if package else engine
