"""Devices on the PCI bus, and what sysfs says about a device's driver."""

from dataclasses import dataclass

from agent.hardware.tree import Tree, number

_PREFETCHABLE = 0x2000  # IORESOURCE_PREFETCH of include/linux/ioport.h
_PLAIN_WINDOW = 256 << 20  # what a graphics card shows of its memory without a resizable BAR
DISPLAY, PROCESSING = 0x03, 0x12  # base classes of PCI


@dataclass(frozen=True)
class Device:
    """A device: where it is in sysfs and on the bus, its numbers, and its driver (empty without one)."""

    path: str
    slot: str
    vendor: int
    device: int
    base_class: int
    driver: str

    @property
    def id(self) -> str:
        """Vendor and device as `lspci -n` shows them: `1002:15bf`."""
        return f"{self.vendor:04x}:{self.device:04x}"


def devices(tree: Tree, *vendors: int) -> list[Device]:
    """Return the PCI devices of these vendors."""
    found = []
    for path in tree.glob("sys/bus/pci/devices/*"):
        if tree.number(f"{path}/vendor", base=16) in vendors:
            device = describe(tree, path)
            if device is not None:
                found.append(device)
    return found


def describe(tree: Tree, path: str) -> Device | None:
    """Return the device whose sysfs directory, or a link to it, is at `path`; None when it has no PCI numbers."""
    vendor, device = (tree.number(f"{path}/{name}", base=16) for name in ("vendor", "device"))
    if vendor is None or device is None:
        return None
    uevent = tree.table(f"{path}/uevent", "=")
    slot = path.rpartition("/")[2] if "/pci/devices/" in path else uevent.get("PCI_SLOT_NAME", "")
    base_class = (tree.number(f"{path}/class", base=16) or 0) >> 16
    return Device(path, slot, vendor, device, base_class, uevent.get("DRIVER", ""))


def least_memory(tree: Tree, device: Device) -> int:
    """Return how many bytes of memory a graphics card has at least, from its largest prefetchable window; 0: unknown.

    A resizable window is the memory's size rounded up to a power of two (12 GiB show 16), so more than half of it is
    there. A plain one of 256 MiB says nothing.
    """
    sizes = [0]
    for line in tree.lines(f"{device.path}/resource"):
        numbers = [number(text, base=16) for text in line.split()]
        if len(numbers) == 3 and None not in numbers:  # noqa: PLR2004 - start, end, flags
            start, end, flags = (value or 0 for value in numbers)
            sizes.append(end - start + 1 if flags & _PREFETCHABLE and end > start else 0)
    largest = max(sizes)
    return largest // 2 if largest > _PLAIN_WINDOW else 0
