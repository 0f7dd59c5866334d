"""A computer as a list of facts with labels: what `edgewise probe` prints and the page of the device shows."""

from collections.abc import Iterator

from agent.hardware.facts import Accelerator, Cpu, Hardware, Memory, Thermal
from agent.hardware.words import cluster
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


def rows(hardware: Hardware) -> Iterator[tuple[str, str]]:
    """Yield label and text of each fact; one without a label belongs to the one before."""
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
