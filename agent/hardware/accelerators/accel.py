"""NPUs in Intel's and AMD's processors."""

from agent.hardware import pci
from agent.hardware.facts import Accelerator
from agent.hardware.tree import Tree

# Device ids from the drivers: Linux drivers/accel/ivpu/ivpu_drv.h and drivers/accel/amdxdna/amdxdna_pci_drv.c.
_NAMES = {
    "8086:7d1d": "Intel NPU (Meteor Lake)",
    "8086:ad1d": "Intel NPU (Arrow Lake)",
    "8086:643e": "Intel NPU (Lunar Lake)",
    "8086:b03e": "Intel NPU (Panther Lake)",
    "1022:1502": "AMD XDNA NPU",
    "1022:17f0": "AMD XDNA 2 NPU",
}
_INTEL, _AMD = 0x8086, 0x1022
_DRIVERS = {_INTEL: "intel_vpu", _AMD: "amdxdna"}
_PROVIDERS = {_INTEL: "openvino", _AMD: "vitisai"}


def find(tree: Tree) -> list[Accelerator]:
    """Return the NPUs that have a driver, and known ones that have none."""
    served = [pci.describe(tree, f"{path}/device") for path in tree.glob("sys/class/accel/accel*")]
    devices = [device for device in served if device is not None and device.driver in _DRIVERS.values()]
    slots = {device.slot for device in devices}
    others = [device for device in pci.devices(tree, *_DRIVERS) if device.id in _NAMES and device.slot not in slots]
    return [_npu(device) for device in devices + others if device.vendor in _DRIVERS]


def _npu(device: pci.Device) -> Accelerator:
    vendor = "intel" if device.vendor == _INTEL else "amd"
    driver = _DRIVERS[device.vendor]
    missing = "" if device.driver else f"the kernel driver {driver} is not loaded; "
    return Accelerator(
        kind="npu",
        vendor=vendor,
        name=_NAMES.get(device.id, f"{'Intel' if vendor == 'intel' else 'AMD'} NPU ({device.id})"),
        driver=device.driver,
        memory=None,
        provider=_PROVIDERS[device.vendor],
        note=f"{missing}Edgewise has no engine for it yet",
    )
