import os
from pathlib import Path

import pytest

from agent.hardware import storage
from agent.hardware.facts import Storage
from agent.hardware.storage import device
from agent.hardware.tree import Tree
from tests.hardware.planting import plant, tree

NOTHING = Storage("", "", 0, 0, 0.0)
ROOT = "27 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw\n"


def disk(root: Path, path: str, files: dict[str, str], *, partition: str = "", number: str = "179:2") -> Tree:
    """Plant a disk with one partition, its links in /sys, and a root file system on it."""
    plant(root, {f"{path}/{name}": content for name, content in files.items()})
    place = f"{path}/{partition}" if partition else path
    plant(root, {f"{place}/{'partition' if partition else 'size'}": "1\n", "proc/self/mountinfo": ROOT})
    for link in (f"sys/dev/block/{number}", f"sys/class/block/{place.rpartition('/')[2]}"):
        (root / link).parent.mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to(os.path.relpath(root / place, (root / link).parent))
    return Tree(root)


@pytest.mark.parametrize(
    ("path", "files", "partition", "kind"),
    [
        ("sys/devices/soc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0", {"device/type": "SD\n"}, "mmcblk0p2", "sd-card"),
        ("sys/devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0", {"device/type": "MMC\n"}, "mmcblk0p1", "emmc"),
        ("sys/devices/pci0/0000:01:00.0/nvme/nvme0/nvme0n1", {"queue/rotational": "0"}, "nvme0n1p1", "nvme"),
        ("sys/devices/pci0/usb2/2-1/host0/target0/block/sda", {"queue/rotational": "0"}, "sda2", "usb"),
        ("sys/devices/pci0/ata1/host0/block/sda", {"queue/rotational": "0"}, "sda1", "ssd"),
        ("sys/devices/pci0/ata1/host0/block/sda", {"queue/rotational": "1"}, "sda1", "disk"),
        ("sys/devices/pci0/ata1/host0/block/sda", {}, "sda1", ""),
        (
            "sys/devices/pci0/ata1/host0/block/sda",
            {"queue/rotational": "1", "device/vendor": "QEMU    "},
            "",
            "virtual",
        ),
        ("sys/devices/pci0/virtio1/block/vda", {"queue/rotational": "1"}, "", "virtual"),
    ],
)
def test_a_disk_is_known_by_its_name_and_its_place(
    tmp_path: Path, path: str, files: dict[str, str], partition: str, kind: str
) -> None:
    found = device(disk(tmp_path, path, files, partition=partition), "/var/lib/edgewise")
    assert found == (kind, path.rpartition("/")[2])


def test_below_encryption_and_volumes_is_the_disk(tmp_path: Path) -> None:
    planted = disk(tmp_path, "sys/devices/virtual/block/dm-0", {}, number="254:0")
    disk(tmp_path, "sys/devices/pci0/nvme/nvme0/nvme0n1", {}, partition="nvme0n1p3")
    (tmp_path / "sys/devices/virtual/block/dm-0/slaves").mkdir()
    (tmp_path / "sys/devices/virtual/block/dm-0/slaves/nvme0n1p3").symlink_to(
        "../../../../pci0/nvme/nvme0/nvme0n1/nvme0n1p3"
    )
    plant(tmp_path, {"proc/self/mountinfo": ROOT.replace("179:2", "254:0")})
    assert device(planted, "/") == ("nvme", "nvme0n1")


def test_btrfs_is_found_by_the_name_of_its_device(tmp_path: Path) -> None:
    planted = disk(tmp_path, "sys/devices/pci0/nvme/nvme0/nvme0n1", {}, partition="nvme0n1p2")
    plant(tmp_path, {"proc/self/mountinfo": "27 1 0:25 /@ / rw - btrfs /dev/nvme0n1p2 rw\n"})
    assert device(planted, "/home") == ("nvme", "nvme0n1")


def test_the_deepest_and_latest_mount_counts(tmp_path: Path) -> None:
    mounts = (
        "27 1 179:2 / / rw - ext4 /dev/root rw\n"
        "30 27 0:40 / /srv rw - tmpfs tmpfs rw\n"
        "31 27 0:41 / /srv/my\\040models rw master:1 - nfs4 nas:/models rw\n"
        "32 27 0:42 / /srv rw - 9p host rw\n"
        "broken\n"
    )
    planted = tree(tmp_path, {"proc/self/mountinfo": mounts})
    assert device(planted, "/srv/my models/x") == ("network", "")
    assert device(planted, "/srv") == ("virtual", "")
    assert device(planted, "/srvx") == ("", "")


def test_what_is_below_an_overlay_is_not_known(tmp_path: Path) -> None:
    planted = tree(tmp_path, {"proc/self/mountinfo": "27 1 0:50 / / rw - overlay overlay rw,lowerdir=/x\n"})
    assert device(planted, "/") == ("", "")


def test_a_directory_that_is_not_there_yet_is_where_its_parent_is(tmp_path: Path) -> None:
    live = Tree(Path("/"))
    found = storage.find(live, tmp_path / "state" / "edgewise")
    size = os.statvfs(tmp_path)
    assert found.total == size.f_blocks * size.f_frsize > 0
    assert found.read_rate == 0


def test_a_recorded_tree_has_its_own_answer(tmp_path: Path) -> None:
    text = '{"kind":"nvme","device":"nvme0n1","total":1000,"free":10,"read_rate":0.0}'
    found = storage.find(tree(tmp_path, {"edgewise/storage.json": text}), Path("/"))
    assert found == Storage("nvme", "nvme0n1", 1000, 10, 0.0)


@pytest.mark.parametrize("text", ["", "{", '{"kind":1}', '{"kind":"","device":"","total":-1,"free":0,"read_rate":0}'])
def test_a_damaged_answer_is_none(tmp_path: Path, text: str) -> None:
    assert storage.find(tree(tmp_path, {"edgewise/storage.json": text}), None) == NOTHING
