"""Chooses the model for this computer, remembers the choice, and turns it into what the supervisor runs."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent import pinned
from agent.catalog import load_catalog
from agent.config import Config
from agent.durable import write_atomically
from agent.gguf import read_header
from agent.inference.candidate import Candidate, Expectation
from agent.inference.frames import Timings
from agent.inference.set_aside import SetAside, identify
from agent.measurements import Measurements
from agent.models import ModelStore
from agent.models.starter import NAME as STARTER_NAME
from agent.offers import local, offers
from agent.selection import Considered, Machine, Offer, Selection, select
from agent.survey import LIVE, Surveyor, build

logger = logging.getLogger(__name__)

_RULES = "1"  # changes with the rules of selection, so that they take effect on devices that have chosen already
_LEAST_SHARE = 0.5  # of the predicted speed that a model must reach in its trial


class _Decision(msgspec.Struct, frozen=True):
    """The last choice, and the circumstances in which it was made."""

    circumstances: str
    file: str


@dataclass(frozen=True)
class Chooser:
    """Everything that a choice depends on; `root` is that of a recorded board."""

    config: Config
    store: ModelStore
    set_aside: SetAside
    measurements: Measurements
    environment: Mapping[str, str]
    root: Path = LIVE

    async def choose(self, *, ours: int = 0, remember: bool = True) -> Selection:
        """Survey this computer and choose; the same circumstances give the same choice as long as it works.

        Args:
            ours: bytes that our own engine takes now and would give back.
            remember: make it the choice that stays.

        Raises:
            ConfigError: a profile or a family file is wrong, or no profile fits.
        """
        machine = await Surveyor(self.config, self.measurements, self.environment, self.root).survey(ours=ours)
        catalog = load_catalog(*self.config.directories("families"))
        found = [self._learnt(offer) for offer in (*offers(catalog, self.store), *self._configured())]
        circumstances = _circumstances(machine, msgspec.json.encode(catalog), self.config)
        decision = self._decision()
        keep = decision.file if decision and decision.circumstances == circumstances else ""
        selection = select(found, machine, self.config.policy(), keep=keep)
        if remember and selection.file and selection.file != keep:
            self._decide(_Decision(circumstances, selection.file))
        return selection

    def candidates(self, selection: Selection) -> list[Candidate]:
        """Return what is here and can be run: what the user wants, then the best first, the starter model last."""
        wanted = self.wanted()
        entries = [entry for entry in (selection, *selection.rejected) if entry.installed and entry.memory]
        entries.sort(key=lambda entry: (entry.installed != wanted, entry.installed == STARTER_NAME))
        last = len(entries) - 1
        return [
            self._candidate(entry, selection, on_trial=index < last and entry.installed != wanted)
            for index, entry in enumerate(entries)
        ]

    def wanted(self) -> str:
        """Return the name of the model that the user wants; empty when the choice is ours."""
        if self.config.model:
            return self.named()[0]
        name = pinned.read(self.config.state_dir)
        if name and name not in {model.name for model in self.store.installed()}:
            logger.warning("%s was chosen but is not installed any more; the choice is ours again", name)
            return ""
        return name

    def named(self) -> tuple[str, Path]:
        """Return name and file of the configured model.

        Raises:
            ModelError: it is not there, or its file is broken.
        """
        given = Path(self.config.model).expanduser()
        path = given.absolute() if given.is_file() else self.store.path(self.store.find(self.config.model))
        read_header(path)
        here = {self.store.path(model): model.name for model in self.store.installed()}
        return here.get(path, path.stem), path

    def may_fetch(self, selection: Selection) -> bool:
        """Tell whether the chosen model is to be downloaded without asking."""
        free = self.config.fetch_models and not self.config.offline and not self.wanted()
        return free and bool(selection.file) and not selection.installed

    def state(self) -> tuple[str, ...]:
        """Return what users change from outside: what they want, and what is installed."""
        return (pinned.read(self.config.state_dir), *sorted(model.name for model in self.store.installed()))

    def learn(self, candidate: Candidate, timings: Timings) -> None:
        """Remember what an answer took that had the machine to itself."""
        self.measurements.add(
            _key(identify(candidate.path), candidate.build, candidate.plan.provider),
            prompt=timings.prompt - timings.cached,
            prefill=timings.prefill,
            answer=timings.completion - 1,
            decode=timings.decode,
        )

    def _configured(self) -> list[Offer]:
        """Return an offer for a configured model file that is not installed."""
        if not self.config.model:
            return []
        name, path = self.named()
        installed = name in {model.name for model in self.store.installed()}
        return [] if installed else [local(name, path, read_header(path))]

    def _candidate(self, entry: Considered, selection: Selection, *, on_trial: bool) -> Candidate:
        expect = None
        if on_trial and entry.predicted and not entry.measured:
            decode = entry.predicted.decode
            expect = Expectation(_LEAST_SHARE * decode, decode, selection.budget.usable)
        return Candidate(
            name=entry.installed,
            path=self._file(entry.installed, entry.file),
            engine=entry.engine,
            build=build(entry.engine),
            plan=entry.plan(),
            expect=expect,
        )

    def _file(self, installed: str, reference: str) -> Path:
        """Return the file of an installed model, or the configured one that is not installed."""
        paths = {model.name: self.store.path(model) for model in self.store.installed()}
        return paths.get(installed) or Path(reference)

    def _learnt(self, offer: Offer) -> Offer:
        """Add to an offer what is known from running it."""
        if not offer.installed:
            return offer
        model = identify(self._file(offer.installed, offer.file.reference))
        verdict = self.set_aside.verdict(model, build("llama_cpp"))
        return Offer(
            offer.model,
            offer.file,
            offer.shape,
            offer.installed,
            observed=self.measurements.speed(_key(model, build("llama_cpp"), "cpu")),
            trouble=verdict.reason if verdict and verdict.aside else "",
        )

    @property
    def _path(self) -> Path:
        return self.config.state_dir / "decision.json"

    def _decision(self) -> _Decision | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Decision)
        except (OSError, msgspec.MsgspecError):
            return None

    def _decide(self, decision: _Decision) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.json.encode(decision))
        except OSError as error:  # it is made again at the next start
            logger.warning("The choice cannot be written to %s: %s", self._path, error)


def _key(model: str, build: str, provider: str) -> str:
    return f"{model} · {build} · {provider}"


def _circumstances(machine: Machine, catalog: bytes, config: Config) -> str:
    """Return a fingerprint of everything on which a choice depends but for what changes by the hour."""
    parts = (
        _RULES,
        machine.board,
        machine.threads,
        machine.features,
        [(backend.engine, backend.provider, build(backend.engine)) for backend in machine.backends],
        machine.profile,
        config.policy(),
    )
    return hashlib.sha256(msgspec.json.encode(parts) + catalog).hexdigest()
