"""The NPU inside Rockchip's processors."""

import re

from agent.hardware.board import compatible
from agent.hardware.facts import Accelerator
from agent.hardware.tree import Tree

_LANGUAGE = ("rk3588", "rk3588s", "rk3576", "rk3562")  # what Rockchip's RKLLM supports
_VISION = ("rk3566", "rk3568")
_OLDEST = (0, 9, 6)  # of Rockchip's driver, for RKLLM
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})")


def find(tree: Tree) -> list[Accelerator]:
    """Return the NPU of a Rockchip processor that has one."""
    processors = [entry.partition(",")[2] for entry in compatible(tree) if entry.startswith("rockchip,")]
    return [_npu(tree, name) for name in processors if name in (*_LANGUAGE, *_VISION)][:1]


def _npu(tree: Tree, processor: str) -> Accelerator:
    driver, note = _driver(tree)
    language = processor in _LANGUAGE
    return Accelerator(
        kind="npu",
        vendor="rockchip",
        name=f"{processor.upper()} NPU",
        driver=driver,
        memory=None,
        provider="rknn" if language else "",
        note=(note or "Edgewise has no engine for it yet") if language else "runs vision models only",
    )


def _driver(tree: Tree) -> tuple[str, str]:
    """Return the driver with its version, and what is wrong with it."""
    version = tree.text("sys/module/rknpu/version")
    signs = ["sys/module/rknpu", *tree.glob("sys/class/devfreq/*.npu")]
    if version or any(tree.exists(sign) for sign in signs):
        numbers = _VERSION.match(version)
        old = numbers is not None and tuple(map(int, numbers.groups())) < _OLDEST
        return f"rknpu {version}".strip(), "its driver is older than 0.9.6, which language models need" if old else ""
    drivers = [tree.table(f"{path}/device/uevent", "=").get("DRIVER") for path in tree.glob("sys/class/accel/accel*")]
    if "rocket" in drivers:
        return "rocket", "Linux's own driver rocket cannot run language models; Rockchip's rknpu can"
    return "", "Rockchip's driver rknpu is not loaded"
