"""Chooses the model for this computer, remembers the choice, and turns it into what the supervisor runs."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from agent import pinned
from agent.builds import as_converted, run_by, with_builds
from agent.catalog import Model, load_catalog
from agent.config import Config
from agent.decision import Decision, circumstances, read_decision, write_decision
from agent.duels import Duels
from agent.errors import EdgewiseError, ModelError
from agent.inference.candidate import Candidate, Expectation
from agent.inference.frames import Timings
from agent.inference.set_aside import SetAside, identify
from agent.measurements import Measurements
from agent.models import ModelStore
from agent.models.foreign import readable
from agent.models.starter import NAME as STARTER_NAME
from agent.offers import offers, read_offer
from agent.onnx import is_onnx
from agent.phrase import Phrase
from agent.selection import Considered, Contest, Machine, Offer, Selection, select
from agent.selection.outcome import Verdict
from agent.standings import contests, known_by
from agent.survey import LIVE, USUAL, Surveyor, build

logger = logging.getLogger(__name__)

_LEAST_SHARE = 0.5  # of the predicted speed that a model must reach in its trial
_LAST_RESORT = 3  # turns from here on are for what selection advises against


@dataclass(frozen=True)
class Chooser:
    """Everything that a choice depends on; `root` is that of a recorded board."""

    config: Config
    store: ModelStore
    set_aside: SetAside
    measurements: Measurements
    environment: Mapping[str, str]
    root: Path = LIVE

    async def choose(self, *, ours: int = 0, measure: bool = True, remember: bool = True) -> Selection:
        """Survey this computer and choose; the same circumstances give the same choice as long as it works.

        Args:
            ours: bytes that our own processes take now and would give back.
            measure: measure the processor if that was not done yet; without, the profile's expectations do for now.
            remember: make it the choice that stays, if it rests on a measurement.

        Raises:
            ConfigError: a profile or a family file is wrong, or no profile fits.
        """
        # On a small board these take some tenths of a second, in which others want to be served.
        catalog, known = await asyncio.to_thread(self._known)
        engines = {*USUAL, self.config.engine, *(offer.engine for offer in known if offer.installed)}
        surveyor = Surveyor(self.config, self.measurements, self.environment, self.root)
        machine = await surveyor.survey(ours=ours, measure=measure, engines=engines)
        return await asyncio.to_thread(self._select, machine, catalog, known, remember=remember and measure)

    def _known(self) -> tuple[list[Model], list[Offer]]:
        """Return the catalogue, and all that there is to choose from."""
        catalog = load_catalog(*self.config.directories("families"))
        known = as_converted((*offers(catalog, self.store), *self._configured()), self.store)
        return catalog, run_by(self.config.engine, with_builds(catalog, known))

    def _select(
        self, machine: Machine, catalog: Sequence[Model], known: Sequence[Offer], *, remember: bool
    ) -> Selection:
        found = [self._learnt(offer, machine) for offer in known]
        now = circumstances(machine, msgspec.json.encode(catalog), self.config)
        decision = read_decision(self._path)
        keep = decision.file if decision and decision.circumstances == now else ""
        settled = self._contests(found, machine)
        selection = select(found, machine, self.config.policy(), keep=keep, contests=settled)
        if remember and selection.file and selection.file != keep:
            write_decision(self._path, Decision(now, selection.file))
        return selection

    def _contests(self, found: Sequence[Offer], machine: Machine) -> list[Contest]:
        """Return the duels between models that are here."""
        duels = self.duels.all()
        here = [offer for offer in found if offer.installed and duels]
        files = [(offer, self._file(offer.installed, offer.file.reference)) for offer in here]
        names = {known_by(identify(path), build(offer.engine)): offer.installed for offer, path in files}
        return contests(duels, names, machine.threads)

    def candidates(self, selection: Selection) -> list[Candidate]:
        """Return how what is here is run, in the order in which it is tried.

        First what the user wants, then the choice, then what would run too, the starter model last of it. What does
        not fit or is unsuitable is tried when all else fails: it may be better than nothing.
        """
        wanted = self.wanted()
        entries = [entry for entry in selection.considered if entry.installed and entry.memory]
        entries.sort(key=lambda entry: (entry.installed != wanted, _turn(entry)))
        sound = [entry.installed for entry in entries if _turn(entry) < _LAST_RESORT and entry.installed != wanted]
        return [
            self._candidate(entry, selection, on_trial=entry.installed in sound and entry.installed != sound[-1])
            for entry in entries
        ]

    def wanted(self) -> str:
        """Return the name of the model that the user wants and that is here; empty when the choice is ours."""
        if self.config.model:
            try:
                return self._configured_file()[0]
            except ModelError:
                return ""
        name = pinned.read(self.config.state_dir)
        return name if name in {model.name for model in self.store.installed()} else ""

    def missed(self) -> str:
        """Return the name of the model that the user wants and that is not here; empty when there is none."""
        return "" if self.wanted() else pinned.read(self.config.state_dir)

    def named(self) -> tuple[str, Path]:
        """Return name and file of the configured model.

        Raises:
            ModelError: it is not there, or its file is broken.
        """
        name, path = self._configured_file()
        read_offer(name, path)
        return name, path

    def may_fetch(self, selection: Selection) -> bool:
        """Tell whether the chosen model is to be downloaded without asking."""
        return self._lacks(selection) and self.forbidden(selection) is None

    def forbidden(self, selection: Selection) -> EdgewiseError | None:
        """Return which setting forbids to download the chosen model; None when none does, or when it is here."""
        if not self._lacks(selection):
            return None
        if self.config.offline:
            return ModelError(Phrase("errors.offline", "The setting `offline` forbids the use of the network."))
        if not self.config.fetch_models:
            hint = Phrase("errors.no_fetching_hint", "`edgewise models pull {file}` installs it.", file=selection.file)
            return ModelError(Phrase("errors.no_fetching", "The setting `fetch_models` is off."), hint=hint)
        return None

    def state(self) -> tuple[str, ...]:
        """Return what users change while the daemon runs: what they want of models, and which can be read."""
        wishes = f"{pinned.read(self.config.state_dir)} {self.config.use} {self.config.prefer}"
        here = readable(self.store.everything(), self.store.root, self.config.engine_socket)
        return (wishes, *here, self.duels.version())

    def learn(self, candidate: Candidate, timings: Timings) -> None:
        """Remember what an answer took that had the machine to itself."""
        try:
            model = identify(candidate.path)
        except OSError:  # somebody has removed the file while it serves
            return
        self.measurements.add(
            _key(model, candidate.build, candidate.plan.provider, candidate.plan.threads),
            prompt=timings.prompt - timings.cached,
            prefill=timings.prefill,
            answer=timings.completion - 1,
            decode=timings.decode,
        )

    def _lacks(self, selection: Selection) -> bool:
        """Tell whether the choice is ours and is not here."""
        return bool(selection.file) and not selection.installed and not self.wanted()

    def _configured_file(self) -> tuple[str, Path]:
        """Return name and file of the configured model, whatever is in it."""
        given = Path(self.config.model).expanduser()
        is_path = given.is_file() or is_onnx(given)
        path = given.absolute() if is_path else self.store.path(self.store.find(self.config.model))
        here = {self.store.path(model): model.name for model in self.store.installed()}
        return here.get(path) or _name_of(path), path

    def _configured(self) -> list[Offer]:
        """Return an offer for a configured model file that is not installed."""
        if not self.config.model:
            return []
        name, path = self._configured_file()
        offer = read_offer(name, path)
        installed = name in {model.name for model in self.store.installed()}
        return [] if installed else [offer]

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
            libraries=tuple(self.config.onnx_ep_libraries),
        )

    def _file(self, installed: str, reference: str) -> Path:
        """Return the file of an installed model, or the configured one that is not installed."""
        paths = {model.name: self.store.path(model) for model in self.store.installed()}
        return paths.get(installed) or Path(reference)

    def _learnt(self, offer: Offer, machine: Machine) -> Offer:
        """Add to an offer what is known from running it."""
        if not offer.installed:
            return offer
        try:
            model = identify(self._file(offer.installed, offer.file.reference))
        except OSError as error:  # removed since it was listed
            return replace(
                offer,
                installed="",
                trouble=Phrase("reasons.unreadable", "its file cannot be read: {why}", why=error.strerror),
            )
        verdict = self.set_aside.verdict(model, build(offer.engine))
        speeds = {
            backend.provider: self.measurements.speed(
                _key(model, build(backend.engine), backend.provider, machine.threads)
            )
            for backend in machine.backends
            if backend.engine == offer.engine
        }
        return replace(
            offer,
            observed={provider: speed for provider, speed in speeds.items() if speed},
            trouble=Phrase("reasons.tried", "was tried here: {reason}", reason=verdict.reason)
            if verdict and verdict.aside
            else "",
        )

    @property
    def duels(self) -> Duels:
        """The duels that were run on this device."""
        return Duels(self.config.state_dir / "duels.json")

    @property
    def _path(self) -> Path:
        return self.config.state_dir / "decision.json"


def _name_of(path: Path) -> str:
    """Return what a model is called that is not installed: after its file, or the folder that it consists of."""
    if not is_onnx(path):
        return path.stem
    folder = path if path.is_dir() else path.parent
    return folder.parent.name if folder.name == "onnx" else folder.name


def _turn(entry: Considered) -> int:
    """Return when an installed model is tried: the choice at 0."""
    order: dict[Verdict, int] = {"chosen": 0, "possible": 1, "slow": 1, "large": _LAST_RESORT}
    turn = order.get(entry.verdict, _LAST_RESORT + 1)
    return 2 if turn == 1 and entry.installed == STARTER_NAME else turn


def _key(model: str, build: str, provider: str, threads: int) -> str:
    return f"{model} · {build} · {provider} · {threads} threads"
