"""The GPU inside NVIDIA's Tegra processors, on Jetson boards; it shares main memory."""

from agent.hardware.board import compatible
from agent.hardware.facts import Accelerator
from agent.hardware.jetpack import l4t
from agent.hardware.tree import Tree

_GPUS = {
    "nvidia,tegra210": "Tegra X1 GPU (Maxwell)",
    "nvidia,tegra186": "Tegra X2 GPU (Pascal)",
    "nvidia,tegra194": "Xavier GPU (Volta)",
    "nvidia,tegra234": "Orin GPU (Ampere)",
    "nvidia,tegra264": "Thor GPU (Blackwell)",
}
# /sys/class/devfreq: 57000000.gpu (Nano), 17000000.gp10b (TX2), 17000000.gv11b (Xavier), 17000000.gpu (Orin), gpu-gpc-0
_CLOCKS = ("*.gpu", "*.gp10b", "*.gv11b", "*.ga10b", "gpu-gpc-*")


def find(tree: Tree) -> list[Accelerator]:
    """Return the GPU of a Jetson board."""
    names = [_GPUS[entry] for entry in compatible(tree) if entry in _GPUS]
    note = "" if l4t(tree) else "NVIDIA's Linux for Tegra is not installed"
    return [Accelerator("gpu", "nvidia", name, _driver(tree), None, "cuda", note) for name in names[:1]]


def _driver(tree: Tree) -> str:
    paths = [path for pattern in _CLOCKS for path in tree.glob(f"sys/class/devfreq/{pattern}")]
    drivers = (tree.table(f"{path}/device/uevent", "=").get("DRIVER", "") for path in paths)
    return next((driver for driver in drivers if driver), "")
