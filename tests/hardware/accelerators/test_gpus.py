from pathlib import Path

import pytest

from agent.hardware import accelerators
from agent.hardware.facts import Accelerator
from tests.hardware.planting import pci, tree

SLOT = "0000:01:00.0"
VERSION = "proc/driver/nvidia/version"
CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version: 12\n"
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (root@x)\n"
BARS = (
    "0x00000000f6000000 0x00000000f6ffffff 0x0000000000040200\n"
    "0x0000004000000000 {end:#018x} 0x000000000014220c\n"
    "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
)


def only(found: list[Accelerator]) -> Accelerator:
    assert len(found) == 1
    return found[0]


def card(slot: str, vendor: int, device: int, driver: str, number: int = 0) -> dict[str, str]:
    path = f"sys/class/drm/card{number}/device"
    files = {f"{path}/vendor": f"{vendor:#06x}", f"{path}/device": f"{device:#06x}"}
    return files | {
        f"{path}/uevent": f"DRIVER={driver}\nPCI_SLOT_NAME={slot}\n",
        f"sys/class/drm/card{number}-DP-1/status": "x",
    }


@pytest.mark.parametrize(
    ("text", "version"), [(CLOSED, "nvidia 535.129.03"), (OPEN, "nvidia 570.86.15"), ("", "nvidia")]
)
def test_an_nvidia_card_is_named_by_its_driver(tmp_path: Path, text: str, version: str) -> None:
    files = pci(SLOT, 0x10DE, 0x2882, 0x03, "nvidia") | {VERSION: text}
    files |= pci("0000:01:00.1", 0x10DE, 0x22BE, 0x04, "snd_hda_intel")  # its sound is no GPU
    files[f"proc/driver/nvidia/gpus/{SLOT}/information"] = "Model: \t\t NVIDIA GeForce RTX 4060\nIRQ: 77\n"
    found = only(accelerators.find(tree(tmp_path, files)))
    assert (found.kind, found.vendor, found.name) == ("gpu", "nvidia", "NVIDIA GeForce RTX 4060")
    assert (found.driver, found.provider, found.memory) == (version, "cuda", 0)
    assert "not known" in found.note


@pytest.mark.parametrize(("gibibytes", "least"), [(0.25, 0), (8, 4), (16, 8), (128, 64)])
def test_a_window_rounded_up_to_a_power_of_two_tells_the_least_memory(
    tmp_path: Path, gibibytes: float, least: int
) -> None:
    window = BARS.format(end=0x4000000000 + int(gibibytes * (1 << 30)) - 1)
    files = pci(SLOT, 0x10DE, 0x2882, 0x03, "nvidia") | {f"sys/bus/pci/devices/{SLOT}/resource": window}
    assert only(accelerators.find(tree(tmp_path, files))).memory == least << 30


def test_an_nvidia_card_without_nvidias_driver_is_of_no_use(tmp_path: Path) -> None:
    found = only(accelerators.find(tree(tmp_path, pci(SLOT, 0x10DE, 0x1EB8, 0x03, "nouveau"))))
    assert (found.name, found.driver, found.provider) == ("NVIDIA GPU (10de:1eb8)", "nouveau", "")
    assert "driver" in found.note


def test_an_amd_card_has_memory_of_its_own(tmp_path: Path) -> None:
    files = card("0000:03:00.0", 0x1002, 0x744C, "amdgpu") | pci("0000:03:00.1", 0x1002, 0xAB30, 0x04)
    files["sys/class/drm/card0/device/mem_info_vram_total"] = "25753026560\n"
    found = only(accelerators.find(tree(tmp_path, files)))
    assert found == Accelerator("gpu", "amd", "AMD GPU (1002:744c)", "amdgpu", 25753026560, "vulkan", "")


def test_the_gpu_in_an_amd_processor_shares_main_memory(tmp_path: Path) -> None:
    known = card("0000:c1:00.0", 0x1002, 0x150E, "amdgpu") | {
        "sys/class/drm/card0/device/mem_info_vram_total": "536870912"
    }
    found = only(accelerators.find(tree(tmp_path / "known", known)))
    assert (found.name, found.memory, found.note) == ("AMD Strix Point GPU (1002:150e)", None, "")
    unknown = card("0000:c1:00.0", 0x1002, 0x1FFF, "amdgpu") | pci("0000:c1:00.2", 0x1022, 0x17E0, 0x10)
    assert only(accelerators.find(tree(tmp_path / "unknown", unknown))).memory is None


def test_intel_gpus_in_processors_and_on_cards(tmp_path: Path) -> None:
    files = card("0000:00:02.0", 0x8086, 0x46D1, "i915") | card("0000:03:00.0", 0x8086, 0xE20B, "xe", 1)
    files["sys/class/drm/card1/device/tile0/physical_vram_size_bytes"] = "12884901888\n"
    inside, outside = accelerators.find(tree(tmp_path, files))
    assert (inside.name, inside.memory) == ("Intel Alder Lake-N GPU (8086:46d1)", None)
    assert (outside.name, outside.memory) == ("Intel GPU (8086:e20b)", 12 << 30)


def test_other_display_adapters_are_no_accelerators(tmp_path: Path) -> None:
    files = card("0000:00:01.0", 0x1AF4, 0x1050, "virtio-pci") | {
        "sys/class/drm/card1/device/uevent": "DRIVER=vc4-drm\n"
    }
    assert accelerators.find(tree(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("processor", "name"), [("tegra234", "Orin GPU (Ampere)"), ("tegra210", "Tegra X1 GPU (Maxwell)"), ("tegra999", "")]
)
def test_the_gpu_of_a_jetson_is_part_of_its_processor(tmp_path: Path, processor: str, name: str) -> None:
    files: dict[str, str | bytes] = {"proc/device-tree/compatible": f"nvidia,p3768-0000\0nvidia,{processor}\0"}
    files["sys/class/devfreq/17000000.gpu/device/uevent"] = "DRIVER=gk20a\n"
    files["etc/nv_tegra_release"] = "# R36 (release), REVISION: 4.3, GCID: 1\n"
    wanted = [Accelerator("gpu", "nvidia", name, "gk20a", None, "cuda", "")] if name else []
    assert accelerators.find(tree(tmp_path, files)) == wanted


def test_a_jetson_without_nvidias_linux_says_so(tmp_path: Path) -> None:
    found = only(accelerators.find(tree(tmp_path, {"proc/device-tree/compatible": b"nvidia,p3737\0nvidia,tegra234\0"})))
    assert "Linux for Tegra" in found.note
