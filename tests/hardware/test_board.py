from pathlib import Path

import pytest

from agent.hardware import board
from agent.hardware.jetpack import jetpack
from tests.hardware.planting import raspberry_pi, tree

DMI = "sys/class/dmi/id"


def dmi(vendor: str, product: str, name: str = "") -> dict[str, str]:
    return {f"{DMI}/sys_vendor": vendor, f"{DMI}/product_name": product, f"{DMI}/board_name": name}


def test_a_device_tree_names_board_and_processor(tmp_path: Path) -> None:
    found = board.find(tree(tmp_path, raspberry_pi()))
    assert found.model == "Raspberry Pi 5 Model B Rev 1.0"
    assert found.compatible == ["raspberrypi,5-model-b", "brcm,bcm2712"]
    assert found.vendor == ""
    assert found.system == "Debian GNU/Linux 12 (bookworm)"
    assert found.kernel == "6.6.31+rpt-rpi-2712"
    assert not found.container


def test_the_device_tree_may_also_be_where_the_link_in_proc_leads(tmp_path: Path) -> None:
    found = board.find(tree(tmp_path, {"sys/firmware/devicetree/base/model": b"Radxa ROCK 5B\0"}))
    assert found.model == "Radxa ROCK 5B"


def test_the_device_tree_counts_before_dmi(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"proc/device-tree/model": b"NVIDIA Jetson Orin Nano\0", **dmi("NVIDIA", "Jetson")}
    assert board.find(tree(tmp_path, files)).model == "NVIDIA Jetson Orin Nano"


@pytest.mark.parametrize(
    ("vendor", "product", "model"),
    [
        ("Intel(R) Client Systems", "NUC13ANHi7", "Intel NUC13ANHi7"),
        ("HP", "HP EliteBook 845 G10", "HP EliteBook 845 G10"),
        ("Dell Inc.", "XPS 13 9340", "Dell XPS 13 9340"),
        ("Micro-Star International Co., Ltd.", "Cubi", "Micro-Star International Cubi"),
        ("To Be Filled By O.E.M.", "N100DC-ITX", "N100DC-ITX"),
    ],
)
def test_dmi_names_maker_and_product(tmp_path: Path, vendor: str, product: str, model: str) -> None:
    assert board.find(tree(tmp_path, dmi(vendor, product))).model == model


@pytest.mark.parametrize(
    "junk",
    ["To be filled by O.E.M.", "Default string", "System Product Name", "None", "Type1ProductConfigId", "x.x", "0"],
)
def test_what_a_maker_has_not_filled_in_is_no_name(tmp_path: Path, junk: str) -> None:
    found = board.find(tree(tmp_path, dmi(junk, junk, junk)))
    assert (found.model, found.vendor) == ("", "")
    (tmp_path / DMI / "board_name").write_text("PRIME N100I-D\n")
    assert board.find(tree(tmp_path, {})).model == "PRIME N100I-D"


@pytest.mark.parametrize(
    ("line", "l4t", "release"),
    [
        ("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64", "36.4.3", "6.2"),
        ("# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t210ref, EABI: aarch64", "32.7.1", "4.6.1"),
        ("# R99 (release), REVISION: 1.0, GCID: 1", "99.1.0", ""),
        ("# R36 (release), REVISION: ", "", ""),
    ],
)
def test_linux_for_tegra_tells_the_jetpack(tmp_path: Path, line: str, l4t: str, release: str) -> None:
    found = board.find(tree(tmp_path, {"etc/nv_tegra_release": f"{line}\n# KERNEL_VARIANT: oot\n"}))
    assert (found.l4t, found.jetpack) == (l4t, release)


def test_a_release_without_its_last_number_is_the_first_of_its_kind() -> None:
    assert jetpack("38.2") == "7.0"


@pytest.mark.parametrize(
    "files",
    [
        {".dockerenv": ""},
        {"run/.containerenv": ""},
        {"run/systemd/container": "lxc\n"},
        {"proc/1/cgroup": "1:name=systemd:/docker/9f86d081884c7d65\n"},
        {"proc/1/cgroup": "0::/kubepods.slice/kubepods-pod1.slice\n"},
    ],
    ids=str,
)
def test_a_container_is_known_by_what_its_engine_leaves(tmp_path: Path, files: dict[str, str]) -> None:
    assert board.find(tree(tmp_path, files)).container


def test_a_computer_is_no_container(tmp_path: Path) -> None:
    assert not board.find(tree(tmp_path, {"proc/1/cgroup": "0::/init.scope\n"})).container
