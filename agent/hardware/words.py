"""A computer in one line, as a person would say it."""

from agent.hardware.facts import Cluster, Hardware
from agent.units import format_bytes

# What people call the features that decide which kernels run; the strongest that is there is named.
_KERNELS = {
    "amx_int8": "AMX", "avx512_vnni": "AVX-512 VNNI", "avx512f": "AVX-512", "avx_vnni": "AVX-VNNI", "avx2": "AVX2",
    "sme": "SME", "sve2": "SVE2", "i8mm": "int8 matrix instructions", "asimddp": "dot product",
}  # fmt: skip


def describe(hardware: Hardware) -> str:
    """Return such as `Raspberry Pi 5 Model B, 4 x Cortex-A76 at 2.4 GHz with dot product, 7.9 GiB`."""
    board = hardware.board.model or hardware.cpu.model or "unknown computer"
    if hardware.board.container:
        board = f"{board} (container)"
    memory = format_bytes(hardware.memory.total)
    if hardware.memory.limit is not None:
        memory = f"{format_bytes(hardware.memory.limit)} allowed of {memory}"
    return ", ".join(part for part in (board, cores(hardware), memory) if part)


def cores(hardware: Hardware) -> str:
    """Return such as `4 x Cortex-A76 at 2.4 GHz + 4 x Cortex-A55 at 1.8 GHz with dot product`."""
    clusters = " + ".join(cluster(kind, hardware.cpu.threads_per_core) for kind in hardware.cpu.clusters)
    strongest = next((words for name, words in _KERNELS.items() if name in hardware.cpu.features), "")
    return f"{clusters} with {strongest}" if clusters and strongest else clusters


def cluster(kind: Cluster, threads_per_core: int, unnamed: str = "core") -> str:
    """Return such as `4 x Cortex-A76 at 2.4 GHz`; of P-cores the cores are counted, of unnamed ones the threads."""
    speed = f" at {kind.megahertz / 1000:.1f} GHz" if kind.megahertz else ""
    if kind.name:
        count = kind.cores // threads_per_core if kind.name == "P-core" else kind.cores
        return f"{count} x {kind.name}{speed}"
    return f"{kind.cores} {unnamed}{'s' * (kind.cores != 1)}{speed}"
