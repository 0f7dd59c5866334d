"""NVIDIA graphics cards. How much memory one has is known to its driver's library only, not to /proc or /sys."""

import re

from agent.hardware import pci
from agent.hardware.facts import Accelerator
from agent.hardware.tree import Tree

_VENDOR = 0x10DE
_VERSION = re.compile(r"\s(\d{3}\.\d{1,3}(?:\.\d{1,3})?)\s")


def find(tree: Tree) -> list[Accelerator]:
    """Return the NVIDIA cards on the PCI bus."""
    return [_card(tree, card) for card in pci.devices(tree, _VENDOR) if card.base_class == pci.DISPLAY]


def _card(tree: Tree, card: pci.Device) -> Accelerator:
    version = _version(tree)
    name = tree.table(f"proc/driver/nvidia/gpus/{card.slot}/information", ":").get("Model", "")
    memory = pci.least_memory(tree, card)
    ours = card.driver == "nvidia" or (not card.driver and bool(version))
    return Accelerator(
        kind="gpu",
        vendor="nvidia",
        name=_named(name) if name and name != "Unknown" else f"NVIDIA GPU ({card.id})",
        driver=f"nvidia {version}".strip() if ours else card.driver,
        memory=memory,
        provider="cuda" if ours else "",
        note=_note(memory) if ours else "needs NVIDIA's own driver",
    )


def _note(memory: int) -> str:
    return "memory is a lower bound; CUDA knows more" if memory else "the size of its memory is not known without CUDA"


def _named(model: str) -> str:
    return model if model.startswith("NVIDIA") else f"NVIDIA {model}"


def _version(tree: Tree) -> str:
    """Return the driver's version from `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct …`."""
    for line in tree.lines("proc/driver/nvidia/version"):
        if line.startswith("NVRM version:") and (found := _VERSION.search(f"{line} ")):
            return found[1]
    return ""
