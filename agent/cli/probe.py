"""`edgewise probe`: what this computer is, as far as Edgewise can tell."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.cli import settings
from agent.config import Config
from agent.errors import ConfigError
from agent.hardware import probe
from agent.hardware.facts import Accelerator, Cpu, Hardware, Memory, Thermal
from agent.hardware.reading import read_rate
from agent.hardware.record import record
from agent.hardware.words import cluster
from agent.models import ModelStore
from agent.units import format_bytes

_FEATURES = {"asimddp": "dotprod", "asimdhp": "fp16"}  # other features are known by the kernel's names
_BASIC = {"asimd", "sse4_2", "avx", "f16c", "fma", "avx512bw"}  # every processor of its kind has them: not worth a word
_ADVICE = {
    "under-voltage": "use a better power supply",
    "frequency capped": "use a better power supply, or cool it",
    "throttled": "cool it",
    "soft temperature limit": "cool it",
}
_NOTICEABLE = 10  # per cent of the time in which something waits for memory


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("probe", help="show what this computer is")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="look at a recorded tree instead")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="DIR",
        help="also write what was read into a new directory, without serial numbers",
    )
    parser.add_argument("--measure", action="store_true", help="also measure how fast an installed model is read")
    settings.add(parser, "state_dir")
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace, config: Config) -> int:
    """Print the facts about this computer, or about a recorded one."""
    if not options.root.is_dir():
        raise ConfigError(
            f"There is no directory {options.root}.",
            hint="--root is the top of a tree made with `edgewise probe --record`",
        )
    if options.record is not None:
        hardware = record(options.record, root=options.root, storage=config.state_dir)
    else:
        hardware = probe(options.root, storage=config.state_dir)
    if options.measure:
        hardware = _with_read_rate(hardware, config)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(hardware)).decode())
        return 0
    rows = list(_rows(hardware))
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        print(f"{label:{width}}  {text}")
    if options.record is not None:
        print(f"\nRecorded in {options.record}. Have a look at it before you give it to others.")
    return 0


def _with_read_rate(hardware: Hardware, config: Config) -> Hardware:
    """Add how fast the largest installed model is read from the storage."""
    store = ModelStore(config.models_dir)
    files = sorted((store.path(model) for model in store.installed()), key=lambda path: path.stat().st_size)
    if not files:
        raise ConfigError(
            "There is no installed model whose reading could be measured.", hint="`edgewise models pull starter`"
        )
    return replace(hardware, storage=replace(hardware.storage, read_rate=read_rate(files[-1])))


def _rows(hardware: Hardware) -> Iterator[tuple[str, str]]:
    board = hardware.board
    yield "board", (board.model or "unknown board") + (" (inside a container)" if board.container else "")
    tegra = f"L4T {board.l4t}" + (f" (JetPack {board.jetpack})" if board.jetpack else "") if board.l4t else ""
    yield "system", _listed(board.system, f"Linux {board.kernel}" if board.kernel else "", tegra) or "unknown"
    yield from _cpu(hardware.cpu)
    yield from _memory(hardware.memory)
    for accelerator in hardware.accelerators:
        yield accelerator.kind, _accelerator(accelerator)
    yield from _thermal(hardware.thermal)
    storage = hardware.storage
    if storage.total:
        place = " ".join(filter(None, (storage.kind, storage.device))) or "unknown device"
        rate = f", reads {format_bytes(storage.read_rate)}/s" if storage.read_rate else ""
        yield "storage", f"{place}, {format_bytes(storage.free)} of {format_bytes(storage.total)} free{rate}"


def _cpu(cpu: Cpu) -> Iterator[tuple[str, str]]:
    cores = " + ".join(cluster(kind, cpu.threads_per_core, "CPU") for kind in cpu.clusters) or "unknown"
    named = any(kind.name in cpu.model for kind in cpu.clusters if kind.name)  # Arm: cores are the model
    yield "cpu", _listed("" if named else cpu.model, cores, cpu.architecture)
    threads = f"{cpu.threads_per_core} threads per core" if cpu.threads_per_core > 1 else ""
    caches = [f"L{level} {format_bytes(size)}" for level, size in ((2, cpu.l2), (3, cpu.l3)) if size]
    features = [_FEATURES.get(name, name) for name in cpu.features if name not in _BASIC]
    if details := _listed(threads, *caches, " ".join(features)):
        yield "", details
    if cpu.quota is not None:
        yield "", f"the control group grants the time of {cpu.quota:g} CPUs"


def _memory(memory: Memory) -> Iterator[tuple[str, str]]:
    sizes = f"{format_bytes(memory.total)}, {format_bytes(memory.available)} available"
    yield "memory", sizes if memory.total else "unknown"
    if memory.limit is not None:
        yield (
            "",
            f"the control group allows {format_bytes(memory.limit)}: {format_bytes(memory.usable)} can still be used",
        )
    zram = f"{format_bytes(memory.zram)} compressed (zram)" if memory.zram else ""
    swap = f"{format_bytes(memory.swap)} on disk" if memory.swap else ""
    if memory.zram or memory.swap:
        yield "swap", _listed(zram, swap)
    if memory.pressure is not None and memory.pressure >= _NOTICEABLE:
        yield "", f"short: something waited for memory in {memory.pressure:.0f} % of the last 10 s"


def _accelerator(accelerator: Accelerator) -> str:
    memory = f"{format_bytes(accelerator.memory)} of its own" if accelerator.memory else ""
    driver = f"driver {accelerator.driver}" if accelerator.driver else ""
    text = _listed(accelerator.name, memory, driver)
    return f"{text} ({accelerator.note})" if accelerator.note else text


def _thermal(thermal: Thermal) -> Iterator[tuple[str, str]]:
    if thermal.zones:
        zone = max(thermal.zones, key=lambda zone: zone.celsius)
        limit = f", limit {zone.limit:.0f} °C" if zone.limit is not None else ""
        yield "heat", f"{zone.celsius:.0f} °C ({zone.name or 'unnamed sensor'}{limit})"
    if thermal.throttled:
        yield "throttled", _advised(thermal.throttled)
    if before := [word for word in thermal.throttled_before if word not in thermal.throttled]:
        yield "earlier", f"since the last boot: {_advised(before)}"


def _advised(words: list[str]) -> str:
    return "; ".join(f"{word} ({_ADVICE[word]})" if word in _ADVICE else word for word in words)


def _listed(*texts: str) -> str:
    return ", ".join(text for text in texts if text)
