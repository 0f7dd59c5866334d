"""Puts together what selection knows of a computer: its hardware, the profile that fits, engines, speed, memory.

The one place between the pure functions of selection and the machine they are about. A recorded board is surveyed in
the same way, with the speed that its profile expects.
"""

import importlib.metadata
import importlib.util
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.config import Config
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

logger = logging.getLogger(__name__)

LIVE = Path("/")
_MIB = 1 << 20
_GIGA = 1e9
_ENGINE = "llama_cpp"  # whose kernels are measured
_PACKAGES = {"llama_cpp": "llama-cpp-python"}


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

    async def survey(self, *, ours: int = 0, measure: bool = True) -> Machine:
        """Look at everything.

        Args:
            ours: bytes that our own engine takes now and would give back.
            measure: measure the processor if that was not done yet, which takes two or three seconds.

        Raises:
            ConfigError: no profile fits, or the one that is configured does not exist.
        """
        hardware = probe(self.root, storage=self.config.state_dir)
        profile = self._profile(hardware)
        threads = self.config.threads or _threads(hardware, profile)
        measured = await self._measured(hardware, threads, measure=measure)
        named = [name.partition(":") for name in profile.engines.order]
        missing = {position: self._missing(engine, provider) for position, (engine, _, provider) in enumerate(named)}
        backends = [
            Backend(
                engine,
                provider,
                (measured if provider == "cpu" else None) or expected_rates(profile, first=position == 0),
                _budget(hardware, profile, provider, ours),
            )
            for position, (engine, _, provider) in enumerate(named)
            if not missing[position]
        ]
        return Machine(
            board=describe(hardware),
            profile=profile,
            features=tuple(hardware.cpu.features),
            threads=threads,
            disk_free=hardware.storage.free if hardware.storage.total else None,
            backends=tuple(backends),
            notes=tuple(reason for reason in missing.values() if reason),
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

    def _missing(self, engine: str, provider: str) -> str:
        """Return why an engine cannot be used; empty if it can. A recorded board is taken to have all that we know."""
        if engine not in _PACKAGES:
            return Phrase(
                "reasons.engine_missing",
                "Edgewise has no engine {engine} for {provider} yet.",
                engine=engine,
                provider=provider,
            )
        if self.root != LIVE:
            return ""
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

    async def _measured(self, hardware: Hardware, threads: int, *, measure: bool) -> Rates | None:
        """Return what this processor was measured to do, now or earlier; None when that is not known."""
        if self.root != LIVE:
            return None
        key = f"{build(_ENGINE)} · {hardware.cpu.model} · {threads} threads"
        known = self.measurements.rates(key)
        if known or not measure:
            return known
        disturbed = busy(Tree(self.root), hardware.cpu.cores)
        try:
            rates = await measuring.measure(_ENGINE, self.environment, threads=threads, memory=hardware.memory.usable)
        except EngineError as error:
            logger.warning("%s The profile's expectations are used.", error.message)
            return None
        if disturbed:
            logger.info("Other programs keep the processor busy; its speed will be measured again another time")
        else:
            self.measurements.keep_rates(key, rates)
        return rates


def build(engine: str) -> str:
    """Return the version of an engine's library without loading it."""
    package = _PACKAGES.get(engine)
    try:
        return f"{engine} {importlib.metadata.version(package)}" if package else engine
    except importlib.metadata.PackageNotFoundError:
        return engine


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


def _budget(hardware: Hardware, profile: Profile, provider: str, ours: int) -> Budget:
    """Return the memory for a model: main memory, or that of a GPU which has its own."""
    available = hardware.memory.usable + ours
    own = [card.memory for card in hardware.accelerators if card.provider == provider and card.memory is not None]
    if own:  # 0 where it could not be read: nothing is planned for it then
        available = max(own)
    reserve = int(profile.reserve.value) * _MIB
    return Budget(available=available, reserve=reserve, usable=max(0, available - reserve))
