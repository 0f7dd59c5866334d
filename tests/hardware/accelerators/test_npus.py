import pkgutil
from pathlib import Path

import pytest

from agent.hardware import accelerators
from agent.hardware.facts import Accelerator
from tests.hardware.planting import pci, raspberry_pi, tree


def only(found: list[Accelerator]) -> Accelerator:
    assert len(found) == 1
    return found[0]


def compatible(*entries: str) -> dict[str, str | bytes]:
    return {"proc/device-tree/compatible": "".join(f"{entry}\0" for entry in entries)}


@pytest.mark.parametrize(
    ("numbers", "driver", "name", "provider"),
    [
        ((0x8086, 0x7D1D), "intel_vpu", "Intel NPU (Meteor Lake)", "openvino"),
        ((0x8086, 0xFFFF), "intel_vpu", "Intel NPU (8086:ffff)", "openvino"),
        ((0x1022, 0x17F0), "amdxdna", "AMD XDNA 2 NPU", "vitisai"),
    ],
)
def test_npus_in_pcs_are_known_by_their_driver(
    tmp_path: Path, numbers: tuple[int, int], driver: str, name: str, provider: str
) -> None:
    vendor, device = numbers
    slot, path = "0000:00:0b.0", "sys/class/accel/accel0/device"
    files = {f"{path}/vendor": f"{vendor:#x}", f"{path}/device": f"{device:#x}"}
    files |= {f"{path}/uevent": f"DRIVER={driver}\nPCI_SLOT_NAME={slot}\n", **pci(slot, vendor, device, 0x12, driver)}
    found = only(accelerators.find(tree(tmp_path, files)))
    assert (found.kind, found.name, found.driver, found.provider, found.memory) == ("npu", name, driver, provider, None)
    assert found.note


def test_a_known_npu_without_its_driver_is_named(tmp_path: Path) -> None:
    found = only(accelerators.find(tree(tmp_path, pci("0000:c2:00.1", 0x1022, 0x1502, 0x11))))
    assert found.name == "AMD XDNA NPU"
    assert "amdxdna is not loaded" in found.note


def test_of_hailos_only_the_10h_runs_language_models(tmp_path: Path) -> None:
    files = (
        {"dev/hailo0": ""}
        | pci("0001:01:00.0", 0x1E60, 0x2864, 0x0B, "hailo")
        | pci("0001:02:00.0", 0x1E60, 0x45C4, 0x0B, "hailo1x")
    )
    eight, ten = accelerators.find(tree(tmp_path, files))
    assert (eight.name, eight.provider, eight.note) == ("Hailo-8", "", "runs vision models only")
    assert (ten.name, ten.driver, ten.provider) == ("Hailo-10H", "hailo1x", "hailo")
    assert "not loaded" not in ten.note


def test_a_hailo_without_driver_or_without_pci_is_still_seen(tmp_path: Path) -> None:
    bare = only(accelerators.find(tree(tmp_path / "bare", pci("0001:01:00.0", 0x1E60, 0x45C4, 0x0B))))
    assert "driver is not loaded" in bare.note
    node = only(accelerators.find(tree(tmp_path / "node", {"dev/hailo0": ""})))
    assert (node.vendor, node.provider) == ("hailo", "")


@pytest.mark.parametrize(
    ("processor", "files", "driver", "word"),
    [
        ("rk3588", {"sys/module/rknpu/version": "0.9.8\n"}, "rknpu 0.9.8", "no engine"),
        ("rk3588", {"sys/module/rknpu/version": "0.9.2\n"}, "rknpu 0.9.2", "older"),
        ("rk3576", {"sys/class/devfreq/27700000.npu/load": "0"}, "rknpu", "no engine"),
        ("rk3588s", {"sys/class/accel/accel0/device/uevent": "DRIVER=rocket\n"}, "rocket", "cannot run"),
        ("rk3588", {}, "", "not loaded"),
        ("rk3568", {"sys/module/rknpu/version": "0.9.8\n"}, "rknpu 0.9.8", "vision"),
    ],
)
def test_a_rockchip_npu_needs_rockchips_driver(
    tmp_path: Path, processor: str, files: dict[str, str], driver: str, word: str
) -> None:
    found = only(accelerators.find(tree(tmp_path, compatible("radxa,rock", f"rockchip,{processor}") | files)))
    assert (found.name, found.driver) == (f"{processor.upper()} NPU", driver)
    assert found.provider == ("" if word == "vision" else "rknn")
    assert word in found.note


def test_a_qualcomm_npu_shows_a_device_node(tmp_path: Path) -> None:
    files = compatible("radxa,dragon-q6a", "qcom,qcs6490")
    without = only(accelerators.find(tree(tmp_path / "without", files)))
    assert (without.name, without.driver, without.provider) == ("Hexagon NPU (QCS6490)", "", "qnn")
    assert "fastrpc" in without.note
    served = only(accelerators.find(tree(tmp_path / "served", files | {"dev/fastrpc-cdsp": ""})))
    assert served.driver == "fastrpc"


def test_boards_without_accelerators_have_none(tmp_path: Path) -> None:
    assert accelerators.find(tree(tmp_path / "pi", raspberry_pi())) == []
    assert accelerators.find(tree(tmp_path / "old", compatible("qcom,apq8016-sbc", "qcom,msm8916"))) == []
    assert accelerators.find(tree(tmp_path / "none", {"dev/fastrpc-cdsp": ""})) == []


def test_every_kind_of_accelerator_is_one_module() -> None:
    kinds = {module.name for module in pkgutil.iter_modules(accelerators.__path__)}
    assert {"accel", "drm", "hailo", "jetson", "nvidia", "qualcomm", "rockchip"} <= kinds
