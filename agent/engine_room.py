"""The engine room of a node: chooses the model, runs it, and takes requests for it."""

import asyncio
from collections.abc import Mapping

from agent import wishes
from agent.chooser import Chooser
from agent.config import Config
from agent.errors import ConfigError, EngineUnavailableError
from agent.health import chosen, health
from agent.inference import frames
from agent.inference.answer import Answer
from agent.inference.candidate import Candidate
from agent.inference.set_aside import SetAside
from agent.inference.supervisor import Supervisor
from agent.measurements import Measurements
from agent.modelless import may_run, modelless, run_unless_restrained
from agent.models import ModelStore
from agent.restraints import Restraints
from agent.selection import Considered
from agent.state import Health, SelectionState
from agent.steward import Steward
from agent.thinking import as_chosen
from agent.waiting import end

_INSTALL_RETRY = 5  # seconds, said to clients while the first model is on its way


class EngineRoom:
    """Steward, supervisor, and what keeps them from running the best model.

    Attributes:
        set_aside: models that do not run here.
        restraints: which models may not run at the moment.
        chooser: with the settings of the start.
        steward: chooses and installs; idle where an engine needs no model.
        supervisor: runs the engine.
    """

    def __init__(self, config: Config, models: ModelStore, environment: Mapping[str, str]) -> None:
        self._config = config
        self._models = models
        self._task: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self.set_aside = SetAside(config.state_dir / "set-aside.json")
        self.restraints = Restraints()
        self.supervisor = Supervisor(self.set_aside, environment, queue=config.queue, step_timeout=config.step_timeout)
        measurements = Measurements(config.state_dir / "measurements.json")
        self.chooser = Chooser(config, models, self.set_aside, measurements, environment)
        self.supervisor.on_speed = self.chooser.learn
        self.steward = Steward(self.chooser, self.supervisor, self.restraints)

    @property
    def chooses(self) -> bool:
        """Whether the steward is at work."""
        return self._task is not None

    def start(self, *, insist: bool = True) -> None:
        """Begin to choose, install and load a model.

        Args:
            insist: end at once without the configured model, since somebody reads that; else it is waited for.

        Raises:
            ModelError: the configured model is not there, or its file is broken.
        """
        if not self._config.chooses:
            self._run_modelless(modelless(self._config))
            return
        if self._config.model and insist:
            self.chooser.named()
        self._task = asyncio.create_task(self.steward.run(), name="steward")

    def _run_modelless(self, candidate: Candidate) -> None:
        if runs := may_run(candidate, self.restraints):
            self.supervisor.start([candidate])
        following = run_unless_restrained(candidate, self.supervisor, self.restraints, runs=runs)
        self._following = asyncio.create_task(following, name="engine without a choice")

    async def stop_choosing(self) -> None:
        """End the steward; the engine goes on."""
        await end([task for task in (self._task, self._following) if task is not None])
        self._task = self._following = None

    def configure(self, config: Config) -> None:
        """Choose by other settings from now on."""
        self._config = config
        self.steward.configure(config)

    def health(self) -> Health:
        """Return what the node is doing now."""
        status, active = self.supervisor.status, self.supervisor.active
        return health(status, self.steward, active, choosing=self.chooses, restraints=self.restraints)

    def selection(self) -> SelectionState | None:
        """Return what was chosen and why, and what is on its way; None before the first choice."""
        return chosen(self.supervisor.status, self.steward, self.chooser.wanted(), list(self.failures().values()))

    def failures(self) -> dict[str, str]:
        """Return why models that were to serve do not, in sentences, by name."""
        return {**self.supervisor.failures, **self.steward.closed}

    def try_again(self, model: str) -> bool:
        """Forget that a model was set aside, and choose anew; False when it is not. `model` is as in `set_aside`."""
        known = self.set_aside.clear(model)
        if known:
            self.steward.look_again()
        return known

    def use(self, name: str) -> str:
        """Have an installed model serve from the next quiet moment on, or with `auto` the best; return its full name.

        Raises:
            ModelNotFoundError: it is not installed.
            ConfigError: the configuration says what serves, or the choice cannot be written.
        """
        if self._config.model or not self.chooses:
            raise ConfigError(f"The configuration says what serves: {self._config.model or self._config.engine}.")
        wanted = wishes.choose(self._config, self._models, name)
        self.supervisor.failures.pop(wanted, None)
        self.steward.look_again()
        return wanted

    async def restart(self, patience: float) -> None:
        """Start the engine anew, after at most `patience` seconds for the answers in progress.

        Raises:
            EngineUnavailableError: nothing serves.
        """
        if self.supervisor.status.state != "failed":
            await self.supervisor.restart(patience)
        elif not self.chooses:
            await self.stop_choosing()
            self._run_modelless(modelless(self._config))
        else:
            self.supervisor.failures.clear()
            self.steward.look_again()

    def generate(self, request: frames.Generate, who: str) -> Answer:
        """Hand a request to the engine. `who` is whose share of the queue it takes, if anybody's.

        Raises:
            EngineUnavailableError: no model is ready; says why, and whether waiting helps.
            QueueFullError: too many requests are waiting, in all or of whoever asks.
        """
        with self.supervisor.pending.requests.admission():
            health = self.health()
            if health.status == "downloading":
                raise EngineUnavailableError(health.detail, retry_after=_INSTALL_RETRY)
            if self.supervisor.status.state == "stopped" and self.chooses:
                retry = _INSTALL_RETRY if health.status == "loading" else 0
                raise EngineUnavailableError(health.detail, retry_after=retry, hint=health.hint)
            running = self.considered(self.supervisor.status.model)
            return self.supervisor.generate(as_chosen(request, running), who)

    def considered(self, name: str) -> Considered | None:
        """Return what the last choice found about an installed model; None when it knows nothing."""
        return self.steward.selection.of_installed(name) if self.steward.selection else None
