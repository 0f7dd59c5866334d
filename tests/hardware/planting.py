"""Recorded trees in miniature: files by their paths."""

from collections.abc import Mapping
from pathlib import Path

from agent.hardware.tree import Tree

CPU = "sys/devices/system/cpu"
ZONE = "sys/class/thermal/thermal_zone0"


def plant(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below a root, which is returned."""
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def tree(root: Path, files: Mapping[str, str | bytes]) -> Tree:
    """Return the tree of some files."""
    return Tree(plant(root, files))


def arm_cpuinfo(parts: list[int], *, implementer: int = 0x41, features: str = "fp asimd aes") -> str:
    """Return /proc/cpuinfo of an Arm board with one core for each part number."""
    return "".join(
        f"processor\t: {index}\nBogoMIPS\t: 108.00\nFeatures\t: {features}\nCPU implementer\t: {implementer:#04x}\n"
        f"CPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: {part:#05x}\nCPU revision\t: 1\n\n"
        for index, part in enumerate(parts)
    )


def x86_cpuinfo(count: int, *, model: str = "Intel(R) N100", flags: str = "fpu lm sse4_2 avx2") -> str:
    """Return /proc/cpuinfo of a PC."""
    return "".join(
        f"processor\t: {index}\nvendor_id\t: GenuineIntel\nmodel name\t: {model}\nflags\t\t: {flags}\n\n"
        for index in range(count)
    )


def policy(number: int, cpus: str, kilohertz: int) -> dict[str, str]:
    """Return the files of a frequency domain."""
    path = f"{CPU}/cpufreq/policy{number}"
    return {f"{path}/related_cpus": f"{cpus}\n", f"{path}/cpuinfo_max_freq": f"{kilohertz}\n"}


def pci(slot: str, vendor: int, device: int, base_class: int, driver: str = "") -> dict[str, str]:
    """Return the files of a PCI device."""
    path = f"sys/bus/pci/devices/{slot}"
    files = {f"{path}/vendor": f"{vendor:#06x}\n", f"{path}/device": f"{device:#06x}\n"}
    files[f"{path}/class"] = f"{base_class:#04x}0000\n"
    files[f"{path}/uevent"] = (f"DRIVER={driver}\n" if driver else "") + f"PCI_SLOT_NAME={slot}\n"
    return files


def raspberry_pi() -> dict[str, str | bytes]:
    """Return a Raspberry Pi 5 with a weak power supply and a serial number."""
    serial = "\nRevision\t: d04170\nSerial\t\t: 0123456789abcdef\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n"
    return {
        "proc/cpuinfo": arm_cpuinfo([0xD0B] * 4, features="fp asimd asimdhp asimddp") + serial,
        "proc/meminfo": "MemTotal:  8256448 kB\nMemFree:  10 kB\nMemAvailable:  7200000 kB\nCmaTotal:  65536 kB\n",
        "proc/swaps": "Filename\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/zram0 partition\t2097136\t0\t100\n",
        "proc/self/cgroup": "0::/user.slice/edgewise.service\n",
        "proc/sys/kernel/osrelease": "6.6.31+rpt-rpi-2712\n",
        "proc/device-tree/model": b"Raspberry Pi 5 Model B Rev 1.0\0",
        "proc/device-tree/compatible": b"raspberrypi,5-model-b\0brcm,bcm2712\0",
        "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
        f"{CPU}/online": "0-3\n",
        **policy(0, "0 1 2 3", 2_400_000),
        f"{CPU}/cpufreq/policy0/scaling_governor": "ondemand\n",
        f"{ZONE}/type": "cpu-thermal\n",
        f"{ZONE}/temp": "54550\n",
        f"{ZONE}/trip_point_0_type": "critical\n",
        f"{ZONE}/trip_point_0_temp": "110000\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50001\n",
        "edgewise/storage.json": '{"kind":"sd-card","device":"mmcblk0","total":62000000000,"free":50000000000,'
        '"read_rate":0.0}',
    }
