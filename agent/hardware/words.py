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
    clusters = " + ".join(_cluster(cluster) for cluster in hardware.cpu.clusters)
    strongest = next((words for name, words in _KERNELS.items() if name in hardware.cpu.features), "")
    return f"{clusters} with {strongest}" if clusters and strongest else clusters


def _cluster(cluster: Cluster) -> str:
    speed = f" at {cluster.megahertz / 1000:.1f} GHz" if cluster.megahertz else ""
    if cluster.name:
        return f"{cluster.cores} x {cluster.name}{speed}"
    return f"{cluster.cores} core{'s' if cluster.cores != 1 else ''}{speed}"
