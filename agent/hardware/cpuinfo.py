"""/proc/cpuinfo, which looks different on every architecture."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.hardware.arm_cores import core_name
from agent.hardware.facts import ARM_FEATURES, X86_FEATURES
from agent.hardware.tree import Tree, number

_MOST_CPUS = 8192  # NR_CPUS of the largest kernels
_NOISE = re.compile(r"\((?:R|TM)\)|\bCPU @ .*| @ .*", re.IGNORECASE)


@dataclass(frozen=True)
class Processor:
    """One logical CPU.

    Attributes:
        core: what tells kinds of cores apart: implementer and part on Arm, nothing elsewhere.
        name: of the core, on Arm.
        model: of the processor, where there is one for people.
        flags: of its features, all of them, as they stand there.
    """

    core: str
    name: str
    model: str
    flags: str


@dataclass(frozen=True)
class CpuInfo:
    """All of it: logical CPUs by number, and what the first one says about its architecture."""

    processors: dict[int, Processor]
    architecture: str

    def features(self) -> list[str]:
        """Return the features that matter and that every CPU has."""
        sets = [set(flags.split()) for flags in {processor.flags for processor in self.processors.values()}]
        known = (*ARM_FEATURES, *X86_FEATURES)
        return [name for name in known if sets and all(name in flags for flags in sets)]


def read(tree: Tree) -> CpuInfo:
    """Return what /proc/cpuinfo says."""
    processors: dict[int, Processor] = {}
    architecture = ""
    for block in _blocks(tree):
        if (index := number(block["processor"])) is not None and index < _MOST_CPUS:
            architecture = architecture or _architecture(block)
            processors[index] = _processor(block)
    return CpuInfo(processors, architecture)


def _blocks(tree: Tree) -> Iterator[dict[str, str]]:
    """Yield the keys and values of each logical CPU; Arm kernels add a last block about the board, without number."""
    block: dict[str, str] = {}
    for line in [*tree.lines("proc/cpuinfo"), "processor:"]:
        key, _, value = line.partition(":")
        if key.strip() == "processor":
            if "processor" in block:
                yield block
            block = {}
        block.setdefault(key.strip(), value.strip())


def _processor(block: dict[str, str]) -> Processor:
    implementer = number(block.get("CPU implementer", ""), base=16)
    part = number(block.get("CPU part", ""), base=16)
    arm = implementer is not None and part is not None
    model = " ".join(_NOISE.sub(" ", block.get("model name", "")).split())
    return Processor(
        core=f"{implementer:#x}:{part:#x}" if arm else "",
        name=core_name(implementer, part) if implementer is not None and part is not None else "",
        model="" if arm or model == "unknown" else model,  # Arm kernels say no more than "ARMv7 Processor rev 3 (v7l)"
        flags=block.get("Features") or block.get("flags", ""),
    )


def _architecture(block: dict[str, str]) -> str:
    """Return the architecture of the kernel, or of 32-bit programs on it when the file was read by one."""
    if "flags" in block:
        return "x86_64" if "lm" in block["flags"].split() else "i686"
    if "CPU implementer" in block:
        if "asimd" in block.get("Features", "").split():
            return "aarch64"
        return "armv6l" if "ARMv6" in block.get("model name", "") else "armv7l"
    if (isa := block.get("isa", "")).startswith("rv"):
        return f"riscv{isa[2:4]}"
    return ""
