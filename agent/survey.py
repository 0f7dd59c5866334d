"""Puts together what selection knows of a computer: its hardware, the profile that fits, engines, speed, memory.

The one place between the pure functions of selection and the machine they are about. A recorded board is surveyed in
the same way, with the speed that its profile expects.
"""

import importlib.metadata
import importlib.util
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from agent import providers as providers_of_onnx
from agent.config import Config
from agent.embeddings.memory import may_take
from agent.errors import ConfigError, EngineError
from agent.hardware import probe
from agent.hardware.facts import Hardware
from agent.hardware.load import busy
from agent.hardware.tree import Tree
from agent.hardware.words import describe
from agent.inference import measuring
from agent.measurements import Measurements
from agent.phrase import Phrase
from agent.profiles import Number, Profile, built_in, load_profiles, match
from agent.selection.machine import Backend, Machine
from agent.selection.outcome import Budget
from agent.speed import Rates, expected
from agent.units import format_bytes

logger = logging.getLogger(__name__)

LIVE = Path("/")
_MIB = 1 << 20
_GIGA = 1e9
_PACKAGES = {"llama_cpp": "llama-cpp-python", "onnx": "onnxruntime", "genai": "onnxruntime-genai"}
USUAL = frozenset({"llama_cpp"})  # engines whose models are offered for every computer


class Named(NamedTuple):
    """An engine with its execution provider, as a profile names them."""

    engine: str
    provider: str


@dataclass(frozen=True)
class Surveyor:
    """Surveys this computer or a recorded one.

    Attributes:
        config: settings.
        measurements: what is known already; a measurement of this computer is added to it.
        environment: of the process that measures.
        root: of the tree of /proc and /sys.
    """

    config: Config
    measurements: Measurements
    environment: Mapping[str, str]
    root: Path = LIVE

    async def survey(self, *, ours: int = 0, measure: bool = True, engines: Collection[str] = USUAL) -> Machine:
        """Look at everything.

        Args:
            ours: bytes that our own processes take now and would give back.
            measure: measure the processor if that was not done yet, which takes two or three seconds for each engine.
            engines: those that matter: they are measured, and it is told when they are missing.

        Raises:
            ConfigError: no profile fits, or the one that is configured does not exist.
        """
        hardware = probe(self.root, storage=self.config.state_dir)
        profile = self._profile(hardware)
        threads = self.config.threads or _threads(hardware, profile)
        named = [Named(*name.split(":")) for name in profile.engines.order]
        if "genai" in engines:  # it goes wherever ONNX Runtime goes, which it is an addition to
            named += [Named("genai", name.provider) for name in named if name.engine == "onnx"]
        wanted = [name for name in named if self.config.engine in {name.engine, "auto"} or not self.config.chooses]
        tried = await self._tried(wanted, engines, look=measure)
        missing = {name: self._missing(*name, tried) for name in wanted}
        usable = [name for name in wanted if not missing[name]]
        measured = await self._all_measured(hardware, threads, usable, engines if measure else ())
        embeddings = may_take(self.config)
        backends = [
            Backend(
                name.engine,
                name.provider,
                (measured.get(name.engine) if name.provider == "cpu" else None)
                or expected_rates(profile, first=name == named[0]),
                _budget(hardware, profile, name.provider, ours, embeddings),
            )
            for name in usable
        ]
        off = Phrase("reasons.engine_off", "the setting `engine` is {engine}", engine=self.config.engine)
        told: dict[str, str] = {name.engine: off for name in named if name not in wanted}
        told |= {name.engine: reason for name, reason in missing.items() if reason}
        return Machine(
            board=describe(hardware),
            profile=profile,
            features=tuple(hardware.cpu.features),
            threads=threads,
            disk_free=hardware.storage.free if hardware.storage.total else None,
            backends=tuple(backends),
            notes=(
                *(reason for name, reason in missing.items() if reason and _matters(name.engine, engines)),
                *_note(embeddings),
            ),
            missing=told,
            quota=self.config.models_bytes,
        )

    def _profile(self, hardware: Hardware) -> Profile:
        profiles = load_profiles(built_in(), *self.config.directories("firmware-profiles"))
        if not self.config.profile:
            return match(hardware, profiles)
        named = {profile.name: profile for profile in profiles}
        if self.config.profile not in named:
            raise ConfigError(
                f"There is no firmware profile {self.config.profile!r}.", hint=f"Profiles: {', '.join(sorted(named))}."
            )
        return named[self.config.profile]

    async def _tried(self, named: Sequence[Named], engines: Collection[str], *, look: bool) -> Mapping[str, str]:
        """Return of each provider of ONNX Runtime, besides the processor, why it cannot be used; empty where it can.

        Where only `genai` would use one, nobody looks until there is a model for ONNX Runtime.
        """
        users = {name.engine for name in named if name.engine != "llama_cpp" and name.provider != "cpu"}
        idle = users == {"genai"} and {"onnx", "genai"}.isdisjoint(engines)
        if self.root != LIVE or not users or idle:
            return {}
        place, libraries = self.config.state_dir, self.config.onnx_ep_libraries
        known = providers_of_onnx.kept(place, libraries)
        if known is None and look:
            known = await providers_of_onnx.find(place, libraries, self.environment)
        return {provider.name: provider.reason for provider in known or []}

    def _missing(self, engine: str, provider: str, tried: Mapping[str, str]) -> str:
        """Return why an engine cannot be used; empty if it can. A recorded board is taken to have all but plug-ins."""
        if engine not in _PACKAGES:
            return Phrase(
                "reasons.engine_missing",
                "Edgewise has no engine {engine} for {provider} yet.",
                engine=engine,
                provider=provider,
            )
        if self.root != LIVE and (engine != "genai" or provider == "cpu"):
            return ""
        if engine == "genai" and importlib.util.find_spec("onnxruntime_genai") is None:
            return Phrase(
                "reasons.no_genai", "onnxruntime-genai is not installed: `pip install 'edgewise[genai]'` installs it."
            )
        return _llama_cpp_lacks(provider) if engine == "llama_cpp" else _onnx_lacks(provider, tried)

    async def _all_measured(
        self, hardware: Hardware, threads: int, usable: Sequence[Named], engines: Collection[str]
    ) -> dict[str, Rates]:
        """Return what this processor does with each engine; with one that was not measured, what it does with another.

        The engines read the same memory and multiply with the same instructions.
        """
        names = dict.fromkeys(name.engine for name in usable if name.provider == "cpu")
        measurable = [name for name in names if name != "genai"]  # it computes with the kernels of `onnx`
        found = {name: await self._measured(name, hardware, threads, measure=name in engines) for name in measurable}
        known = {name: rates for name, rates in found.items() if rates}
        other = known.get("onnx") or next(iter(known.values()), None)
        if other is None:
            return {}
        borrowed = msgspec.structs.replace(other, measured=False)
        return dict.fromkeys(names, borrowed) | known

    async def _measured(self, engine: str, hardware: Hardware, threads: int, *, measure: bool) -> Rates | None:
        """Return what this processor was measured to do, now or earlier; None when that is not known."""
        if self.root != LIVE:
            return None
        key = f"{build(engine)} · {hardware.cpu.model} · {threads} threads"
        known = self.measurements.rates(key)
        if known or not measure:
            return known
        disturbed = busy(Tree(self.root), hardware.cpu.cores)
        try:
            rates = await measuring.measure(engine, self.environment, threads=threads, memory=hardware.memory.usable)
        except EngineError as error:
            logger.warning("%s What is expected is used instead.", error.message)
            return None
        if disturbed:
            logger.info("Other programs keep the processor busy; its speed will be measured again another time")
        else:
            self.measurements.keep_rates(key, rates)
        return rates


def _matters(engine: str, engines: Collection[str]) -> bool:
    """Tell whether people should know that an engine is missing."""
    return engine in engines or engine not in _PACKAGES


def build(engine: str) -> str:
    """Return the version of an engine's library without loading it."""
    package = _PACKAGES.get(engine)
    try:
        return f"{engine} {importlib.metadata.version(package)}" if package else engine
    except importlib.metadata.PackageNotFoundError:
        return engine


def _onnx_lacks(provider: str, tried: Mapping[str, str]) -> str:
    """Return why ONNX Runtime cannot be used with a provider; empty if it can."""
    if importlib.util.find_spec("onnxruntime") is None:
        return Phrase("reasons.no_onnxruntime", "ONNX Runtime is not installed: `make setup` installs it.")
    if provider == "cpu":
        return ""
    if provider not in tried:
        return Phrase("reasons.no_onnx_provider", "ONNX Runtime cannot compute on {provider} here.", provider=provider)
    return tried[provider] and Phrase(
        "reasons.onnx_provider_fails",
        "ONNX Runtime cannot compute on {provider} here: {reason}",
        provider=provider,
        reason=tried[provider],
    )


def _llama_cpp_lacks(provider: str) -> str:
    """Return why llama.cpp cannot be used with a provider; empty if it can."""
    known = providers()
    if not known:
        return Phrase("reasons.no_llama_cpp", "llama.cpp is not installed: `make setup` builds it.")
    if provider not in known:
        return Phrase(
            "reasons.provider_missing",
            "llama.cpp was built without {provider}: `CMAKE_ARGS=-DGGML_{flag}=ON make setup` builds it anew.",
            provider=provider,
            flag=provider.upper(),
        )
    return ""


def providers() -> set[str]:
    """Return what the installed llama.cpp can compute on, from the names of its libraries."""
    found = importlib.util.find_spec("llama_cpp")
    if found is None or found.origin is None:
        return set()
    libraries = (Path(found.origin).parent / "lib").glob("libggml-*.so")
    # Libraries for several processors are called libggml-cpu-haswell.so and the like.
    return {library.stem.removeprefix("libggml-").partition("-")[0] for library in libraries} - {"base"}


def expected_rates(profile: Profile, *, first: bool) -> Rates:
    """Return the speed that a profile expects, with its first engine or with the processor alone."""
    speed = profile.speed
    bandwidth = speed.bandwidth if first else speed.cpu_bandwidth or speed.bandwidth
    matrix = speed.matrix if first else speed.cpu_matrix or speed.matrix
    return expected(f"published figures, {_source(bandwidth)}", bandwidth.value * _GIGA, matrix.value * _GIGA)


def _source(number: Number) -> str:
    return number.source.rstrip(".")


def _threads(hardware: Hardware, profile: Profile) -> int:
    rule = profile.defaults.threads
    if rule == "all":
        return max(1, hardware.cpu.cores)
    return hardware.cpu.big_cores if rule == "big" else int(rule)


def _note(embeddings: int) -> tuple[str, ...]:
    """Return what a person should know about the memory that embeddings take."""
    if not embeddings:
        return ()
    return (
        Phrase(
            "reasons.embeddings_room",
            "{size} are kept for embeddings, whose model is here; `embeddings = off` leaves them to the chat model.",
            size=format_bytes(embeddings),
        ),
    )


def _budget(hardware: Hardware, profile: Profile, provider: str, ours: int, embeddings: int) -> Budget:
    """Return the memory for a model: main memory, or that of a GPU which has its own."""
    available = hardware.memory.usable + ours
    own = [card.memory for card in hardware.accelerators if card.provider == provider and card.memory is not None]
    if own:  # 0 where it could not be read: nothing is planned for it then
        available, embeddings = max(own), 0
    reserve = int(profile.reserve.value) * _MIB
    usable = max(0, available - reserve - embeddings)
    return Budget(available=available, reserve=reserve, usable=usable, embeddings=embeddings)
