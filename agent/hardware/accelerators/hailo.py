"""Hailo's accelerators on PCI Express, such as those of the Raspberry Pi AI HAT+."""

from agent.hardware import pci
from agent.hardware.facts import Accelerator
from agent.hardware.tree import Tree

_VENDOR = 0x1E60
# Device ids from the driver, hailort-drivers linux/pcie/src/pcie.h. Hailo-8 and Hailo-8L have the same.
_VISION = {0x2864: "Hailo-8"}
_LANGUAGE = {0x45C4: "Hailo-10H"}


def find(tree: Tree) -> list[Accelerator]:
    """Return Hailo's accelerators; without PCI facts, as in containers, the device node tells of one."""
    served = tree.exists("dev/hailo0")
    found = [_hailo(card, served=served) for card in pci.devices(tree, _VENDOR)]
    if served and not found:
        found = [Accelerator("npu", "hailo", "Hailo", "", 0, "", "which one it is cannot be seen here")]
    return found


def _hailo(card: pci.Device, *, served: bool) -> Accelerator:
    missing = "" if served else "Hailo's driver is not loaded; "
    name = _LANGUAGE.get(card.device) or _VISION.get(card.device, f"Hailo ({card.id})")
    if card.device in _LANGUAGE:
        note = f"{missing}Edgewise has no engine for it yet"
    else:
        note = "runs vision models only" if card.device in _VISION else "not known to run language models"
    # Its own memory, 4 or 8 GB on a Hailo-10H and none on a Hailo-8, is not shown anywhere.
    return Accelerator("npu", "hailo", name, card.driver, 0, "hailo" if card.device in _LANGUAGE else "", note)
