"""Whether other programs keep the processor busy: then a measurement of its speed is not worth keeping."""

from agent.hardware.tree import Tree

_WAITING = 5.0  # per cent of the last 10 s in which some task waited for a CPU
_LOAD = 0.5  # running tasks per CPU over the last minute, where the kernel does not know pressure


def busy(tree: Tree, cores: int) -> bool:
    """Tell whether programs are waiting for the processor, or without such accounting whether many of them run."""
    for line in tree.lines("proc/pressure/cpu"):
        if line.startswith("some "):
            return _number(line.partition("avg10=")[2].split(" ")[0]) > _WAITING
    return _number(tree.text("proc/loadavg").split(" ")[0]) > _LOAD * max(1, cores)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
