"""AMD and Intel GPUs, in the processor or on a card."""

from agent.hardware import pci
from agent.hardware.facts import Accelerator
from agent.hardware.tree import Tree

_AMD, _INTEL = 0x1002, 0x8086
_AMD_PROCESSOR = 0x1022  # the vendor of everything on AMD's processors but the GPU
_INTEL_INTEGRATED = "0000:00:02.0"  # where Intel has put every GPU that is part of a processor
_NAMES = {
    "1002:1114": "Krackan Point", "1002:13c0": "Granite Ridge", "1002:1506": "Mendocino", "1002:150e": "Strix Point",
    "1002:1586": "Strix Halo", "1002:15bf": "Phoenix", "1002:15c8": "Phoenix 2", "1002:15d8": "Picasso",
    "1002:15dd": "Raven Ridge", "1002:15e7": "Barcelo", "1002:1636": "Renoir", "1002:1638": "Cezanne",
    "1002:163f": "Van Gogh", "1002:164c": "Lucienne", "1002:164e": "Raphael", "1002:1681": "Rembrandt",
    "1002:1900": "Hawk Point", "1002:1901": "Hawk Point",
    "8086:46a6": "Alder Lake-P", "8086:46d0": "Alder Lake-N", "8086:46d1": "Alder Lake-N", "8086:46d2": "Alder Lake-N",
    "8086:64a0": "Lunar Lake", "8086:7d45": "Meteor Lake-U", "8086:7d55": "Meteor Lake-H", "8086:9a49": "Tiger Lake",
    "8086:a7a0": "Raptor Lake-P",
}  # fmt: skip
_OWN_MEMORY = ("mem_info_vram_total", "tile0/physical_vram_size_bytes", "lmem_total_bytes")  # amdgpu, xe, i915


def find(tree: Tree) -> list[Accelerator]:
    """Return the AMD and Intel GPUs that have a kernel driver."""
    cards = [pci.describe(tree, f"{path}/device") for path in tree.glob("sys/class/drm/card[0-9]*") if "-" not in path]
    return [_gpu(tree, card) for card in cards if card is not None and card.vendor in {_AMD, _INTEL}]


def _gpu(tree: Tree, card: pci.Device) -> Accelerator:
    maker = "AMD" if card.vendor == _AMD else "Intel"
    code = _NAMES.get(card.id, "")
    memory = None if _integrated(tree, card) else _own_memory(tree, card)
    return Accelerator(
        kind="gpu",
        vendor=maker.lower(),
        name=f"{maker} {code} GPU ({card.id})" if code else f"{maker} GPU ({card.id})",
        driver=card.driver,
        memory=memory,
        provider="vulkan",
        note="the size of its memory is not known" if memory == 0 else "",
    )


def _integrated(tree: Tree, card: pci.Device) -> bool:
    """Tell whether the GPU is part of the processor and shares main memory.

    AMD's shares its slot on the bus with other parts of the processor, which a card never does.
    """
    if card.vendor == _INTEL:
        return card.slot in {_INTEL_INTEGRATED, ""}
    place = card.slot.rpartition(".")[0]
    neighbours = tree.glob(f"sys/bus/pci/devices/{place}.[0-7]") if place else []
    return card.id in _NAMES or any(tree.number(f"{path}/vendor", base=16) == _AMD_PROCESSOR for path in neighbours)


def _own_memory(tree: Tree, card: pci.Device) -> int:
    sizes = (tree.number(f"{card.path}/{name}") for name in _OWN_MEMORY)
    return next((size for size in sizes if size), 0)
