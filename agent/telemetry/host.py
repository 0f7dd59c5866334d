"""What telemetry needs of the node, and what commands need of telemetry."""

from collections.abc import Mapping
from typing import Protocol

from agent.available import Available
from agent.benchmark import Benchmarks
from agent.config import Config
from agent.device import DeviceSettings
from agent.downloads import Downloads
from agent.engines import ModelInfo
from agent.inference.answer import Answer
from agent.inference.frames import Generate
from agent.journal import Journal
from agent.models import ModelStore
from agent.plan import Plan
from agent.reloading import Reloaded
from agent.restraints import Restraints
from agent.security.accounts import Accounts
from agent.state import Health, SelectionState
from agent.store import Store
from agent.telemetry.clock import Clock
from agent.telemetry.link import LinkStatus
from agent.telemetry.outbox import OutboxStats
from agent.telemetry.reading import Reading
from agent.vitals import Vitals


class Host(Protocol):
    """A device with its models and its engine; `agent.node.Node` is one."""

    @property
    def id(self) -> str:
        """What the device is known by, for good."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def started(self) -> float:
        """When the daemon was started, in seconds since 1970."""

    @property
    def stopping(self) -> bool:
        """Whether it is about to end, and the engine with it."""

    @property
    def config(self) -> Config:
        """The settings as they work now."""

    @property
    def settings(self) -> DeviceSettings:
        """What the owner has set on the pages."""

    @property
    def store(self) -> Store:
        """The database app.db."""

    @property
    def security(self) -> Accounts:
        """Who may come in."""

    @property
    def models(self) -> ModelStore:
        """The models on this computer."""

    @property
    def restraints(self) -> Restraints:
        """What keeps the best model from running."""

    @property
    def available(self) -> Available:
        """The models of the catalogue as they would run here."""

    @property
    def downloads(self) -> Downloads:
        """What people have asked to install."""

    @property
    def benchmarks(self) -> Benchmarks:
        """Measurements of the model that serves."""

    @property
    def vitals(self) -> Vitals:
        """How the device is doing."""

    @property
    def logs(self) -> Journal:
        """The latest lines of the log."""

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded, or None while nothing is."""

    @property
    def plan(self) -> Plan | None:
        """How the model runs, or None while nothing is loaded."""

    @property
    def engine_pid(self) -> int:
        """Process id of the engine; 0 while there is none."""

    @property
    def failures(self) -> Mapping[str, str]:
        """Why models that were to serve do not, in sentences, by name."""

    def health(self) -> Health:
        """Return what the node is doing now."""

    def reading(self) -> Reading:
        """Return what metrics are read from."""

    def selection(self) -> SelectionState | None:
        """Return what was chosen and why; None before the first choice."""

    def names(self) -> list[str]:
        """Return the names of the models that answer requests now: one, or none."""

    def generate(self, request: Generate, who: str = "") -> Answer:
        """Hand a request to the engine.

        Raises:
            EngineUnavailableError: no model is ready; says why, and whether waiting helps.
            QueueFullError: too many requests are waiting.
        """

    def use_model(self, name: str) -> str:
        """Have an installed model serve from the next quiet moment on, or with `auto` the best one.

        Returns:
            Its full name; empty for `auto`.

        Raises:
            ModelNotFoundError: it is not installed.
            ConfigError: the configuration names the model, or the choice cannot be written.
        """

    async def restart_engine(self, patience: float) -> None:
        """Start the engine anew, after at most `patience` seconds for the answers in progress.

        Raises:
            EngineUnavailableError: there is none to restart yet.
        """

    async def reload_config(self) -> Reloaded:
        """Read the configuration again, and follow what can change while the daemon runs.

        Raises:
            ConfigError: it is wrong; nothing was changed.
        """


class Reports(Protocol):
    """What commands need of telemetry itself; `agent.telemetry.reporter.Reporter` is one."""

    @property
    def clock(self) -> Clock:
        """What stamps reports."""

    @property
    def interval(self) -> float:
        """Seconds between two reports."""

    def set_interval(self, seconds: float | None) -> None:
        """Report so often from now on; None: as the configuration says."""

    def link_status(self) -> LinkStatus:
        """Return how the connection to the broker is."""

    def outbox_stats(self) -> OutboxStats:
        """Return how much waits for it."""

    async def rebirth(self) -> None:
        """Publish again who the device is and how it is: status, birth, Home Assistant, state.

        Raises:
            LinkDownError: the connection has ended.
        """
