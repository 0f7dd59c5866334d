"""Firmware profiles: what is known about a class of boards, one TOML file each, and which one fits a computer."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.errors import ConfigError
from agent.hardware.facts import Accelerator, Hardware
from agent.plan import KvType
from agent.strict_toml import read
from agent.units import format_bytes

_GIB = 2**30

EngineProvider = Annotated[str, Meta(pattern=r"^[a-z0-9_]+:[a-z0-9_]+$")]
Threads = Annotated[str, Meta(pattern=r"^(big|all|[1-9][0-9]*)$")]


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number, where it comes from, and whether somebody has tested it with Edgewise on such a board."""

    value: Annotated[float, Meta(ge=0)]
    source: Annotated[str, Meta(min_length=1)]
    tested: bool = False


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which computers a profile is for: every key that is given must hold; empty means it does not matter.

    Attributes:
        compatible: any of these is in the device tree's `compatible` list.
        model: regular expression found in the board's model or vendor, without regard to case.
        cpu: regular expression found in the CPU's model, without regard to case.
        architecture: of the CPU.
        features: the CPU has all of these.
        accelerator: one with this provider or vendor is there.
        accelerator_name: regular expression found in an accelerator's name.
        memory_gib: least and most memory in GiB that the kernel manages.
    """

    compatible: list[str] = []
    model: str = ""
    cpu: str = ""
    architecture: str = ""
    features: list[str] = []
    accelerator: str = ""
    accelerator_name: str = ""
    memory_gib: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name in ("model", "cpu", "accelerator_name"):
            try:
                re.compile(getattr(self, name), re.IGNORECASE)
            except (re.error, OverflowError, RecursionError) as error:  # all of them said of patterns
                raise ValueError(f"{name} is not a regular expression: {error}") from error


class Engines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Engines with their execution providers, best first, such as `llama_cpp:cuda`, `llama_cpp:cpu`."""

    order: Annotated[list[EngineProvider], Meta(min_length=1)]
    source: str


class Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How models are run here unless the user says otherwise.

    Attributes:
        context: tokens per request.
        parallel: requests answered at the same time.
        micro_batch: tokens computed in one go.
        prompt_cache: MiB.
        threads: `big` takes one per physical core of the fastest kind, `all` one per logical CPU, or a number.
        kv_type: type of keys and values.
        source: of the texts here; each number has its own.
    """

    context: Number
    parallel: Number
    micro_batch: Number
    prompt_cache: Number
    threads: Threads
    kv_type: KvType
    source: str

    def __post_init__(self) -> None:
        _require_positive(self, "context", "parallel", "micro_batch")


class Quantization(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which quantizations this hardware has good kernels for: `prefer`, best first, and those to `avoid`."""

    prefer: Annotated[list[str], Meta(min_length=1)]
    avoid: list[str]
    source: str


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is expected before anything has been measured, and the least that is pleasant.

    Attributes:
        bandwidth: GB/s (10^9) at which weights are read while one sequence decodes, effective, with the first engine.
        matrix: 10^9 multiply-adds per second in a prefill of 128 tokens or more.
        cpu_bandwidth: as `bandwidth`, for the CPU alone where the first engine uses something else.
        cpu_matrix: as `matrix`, likewise.
        least_decode: tokens per second below which a model is too slow.
        longest_wait: seconds for the first token after a prompt of 256 tokens beyond which a model is too slow.
    """

    bandwidth: Number
    matrix: Number
    least_decode: Number
    longest_wait: Number
    cpu_bandwidth: Number | None = None
    cpu_matrix: Number | None = None

    def __post_init__(self) -> None:
        _require_positive(self, "bandwidth", "matrix", "longest_wait")


class Thermal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Degrees Celsius at which to take care, and at which the firmware throttles."""

    warm: Number
    throttles: Number


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class of boards.

    Attributes:
        title: for people.
        rank: of two that match, the one with the higher rank is taken.
        match: which computers it is for.
        engines: what runs models here.
        reserve: MiB for the system and other programs.
        defaults: how models are run.
        quantization: what the kernels are good at.
        speed: expectations and floors.
        thermal: limits.
        tested: whether somebody has run Edgewise on such a board.
        note: what else one should know; is shown to users.
        name: of the file, without its ending.
    """

    title: str
    rank: int
    match: Match
    engines: Engines
    reserve: Number
    defaults: Defaults
    quantization: Quantization
    speed: Speed
    thermal: Thermal
    tested: bool
    note: str = ""
    name: str = ""


def built_in() -> Path:
    """Return the directory of the profiles that come with Edgewise, in a checkout as in an installed wheel."""
    return Path(__file__).parents[1] / "firmware-profiles"


def load_profiles(*directories: Path) -> list[Profile]:
    """Return all profiles by name; a file in a later directory replaces one of the same name in an earlier one.

    Raises:
        ConfigError: a file is broken.
    """
    files = {path.stem: path for directory in directories for path in directory.glob("*.toml")}
    return [msgspec.structs.replace(read(files[name], Profile), name=name) for name in sorted(files)]


def match(hardware: Hardware, profiles: Sequence[Profile]) -> Profile:
    """Return the profile of the highest rank that fits; of several, the first by name.

    Raises:
        ConfigError: none fits.
    """
    fitting = [profile for profile in profiles if matches(profile, hardware)]
    if not fitting:
        raise ConfigError(
            f"No firmware profile fits this computer: {_describe(hardware)}.",
            hint="docs/add-a-board.md shows how to write one.",
        )
    return min(fitting, key=lambda profile: (-profile.rank, profile.name))


def matches(profile: Profile, hardware: Hardware) -> bool:
    """Return whether a profile is for this computer."""
    wanted, board, cpu = profile.match, hardware.board, hardware.cpu
    return (
        (not wanted.compatible or not set(wanted.compatible).isdisjoint(board.compatible))
        and (not wanted.model or _found(wanted.model, board.model) or _found(wanted.model, board.vendor))
        and (not wanted.cpu or _found(wanted.cpu, cpu.model))
        and (not wanted.architecture or wanted.architecture == cpu.architecture)
        and set(wanted.features) <= set(cpu.features)
        and _has_accelerator(wanted, hardware.accelerators)
        and _has_memory(wanted, hardware.memory.total)
    )


def _has_accelerator(wanted: Match, accelerators: Sequence[Accelerator]) -> bool:
    if not wanted.accelerator and not wanted.accelerator_name:
        return True
    return any(
        (not wanted.accelerator or wanted.accelerator in {found.provider, found.vendor})
        and _found(wanted.accelerator_name, found.name)
        for found in accelerators
    )


def _has_memory(wanted: Match, total: int) -> bool:
    if wanted.memory_gib is None:
        return True
    least, most = wanted.memory_gib
    return least * _GIB <= total <= most * _GIB


def _found(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _describe(hardware: Hardware) -> str:
    board, cpu = hardware.board, hardware.cpu
    facts = [board.model or "unknown board", cpu.architecture or "unknown architecture", cpu.model]
    return ", ".join([*filter(None, facts), format_bytes(hardware.memory.total)])


def _require_positive(group: Defaults | Speed, *names: str) -> None:
    for name in names:
        if not getattr(group, name).value > 0:
            raise ValueError(f"{name} must be more than 0")
