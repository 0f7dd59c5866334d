"""The file system that holds the models: what it is on, and how much room there is."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from agent.hardware.facts import Storage
from agent.hardware.tree import Tree

RECORDED = "edgewise/storage.json"  # in a recorded tree: the Storage of the recording computer
_NOTHING = Storage("", "", 0, 0, 0.0)
_BY_FILE_SYSTEM = {
    "tmpfs": "memory", "ramfs": "memory",
    "nfs": "network", "nfs4": "network", "cifs": "network", "smb3": "network", "ceph": "network",
    "fuse.sshfs": "network",
    "9p": "virtual", "virtiofs": "virtual", "vboxsf": "virtual",
}  # fmt: skip
_BY_DISK = {
    "nvme": "nvme", "vd": "virtual", "xvd": "virtual", "loop": "virtual", "zram": "memory", "ram": "memory",
    "nbd": "network", "rbd": "network",
}  # fmt: skip
_DEEPEST = 8  # encryption on LVM on RAID on partitions is four


def find(tree: Tree, directory: Path | None) -> Storage:
    """Return the facts about the file system of a directory, or of its nearest parent that exists; default: `/`."""
    if not tree.live:
        return _recorded(tree)
    place = (directory or Path("/")).absolute()
    while not _there(place):
        place = place.parent
    try:
        place = place.resolve()
        size = os.statvfs(place)
    except OSError:
        return _NOTHING
    kind, name = device(tree, str(place))
    return Storage(kind, name, size.f_blocks * size.f_frsize, size.f_bavail * size.f_frsize, 0.0)


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a directory above it may not be entered
        return False


def _recorded(tree: Tree) -> Storage:
    try:
        found = msgspec.json.decode("\n".join(tree.lines(RECORDED)), type=Storage)
    except msgspec.DecodeError:
        return _NOTHING
    return found if min(found.total, found.free, found.read_rate) >= 0 else _NOTHING


@dataclass(frozen=True)
class _Mount:
    point: str
    kind: str
    source: str
    number: str


def device(tree: Tree, directory: str) -> tuple[str, str]:
    """Return the kind and the name of the device under a directory; empty texts where there is none or it is hidden."""
    mounts = [mount for mount in _mounts(tree) if PurePosixPath(directory).is_relative_to(mount.point)]
    if not mounts:
        return "", ""
    mount = max(reversed(mounts), key=lambda mount: len(mount.point))  # of several at one point the last covers others
    if kind := _BY_FILE_SYSTEM.get(mount.kind):
        return kind, ""
    # Btrfs and others have device numbers of their own (0:n); the name of the source then leads to the device.
    links = [f"sys/dev/block/{mount.number}"]
    if mount.source.startswith("/dev/"):
        links.append(f"sys/class/block/{mount.source.rpartition('/')[2]}")
    found = next((path for link in links if (path := tree.resolve(link))), "")
    return _disk(tree, found) if found else ("", "")


def _mounts(tree: Tree) -> list[_Mount]:
    """Return the mounts; the fields are those of proc_pid_mountinfo(5), with optional ones before a dash."""
    mounts = []
    for line in tree.lines("proc/self/mountinfo"):
        first, _, second = line.partition(" - ")
        left, right = first.split(), second.split()
        if len(left) > 4 and len(right) > 1:  # noqa: PLR2004 - up to the mount point, up to the source
            mounts.append(_Mount(left[4].replace(r"\040", " "), right[0], right[1], left[2]))
    return mounts


def _disk(tree: Tree, device: str) -> tuple[str, str]:
    """Return the kind and the name of the disk that a block device is, or is a part of, or is made from."""
    for _ in range(_DEEPEST):
        if tree.exists(f"{device}/partition"):
            device = device.rpartition("/")[0]
        below = next((path for link in tree.glob(f"{device}/slaves/*") if (path := tree.resolve(link))), "")
        if not below:
            break
        device = below
    return _kind(tree, device), device.rpartition("/")[2]


def _kind(tree: Tree, disk: str) -> str:
    name = disk.rpartition("/")[2]
    if name.startswith("mmcblk"):
        return {"SD": "sd-card", "MMC": "emmc"}.get(tree.text(f"{disk}/device/type"), "")
    if by_name := next((kind for prefix, kind in _BY_DISK.items() if name.startswith(prefix)), ""):
        return by_name
    if "/usb" in disk:
        return "usb"
    if tree.text(f"{disk}/device/vendor") in {"QEMU", "VMware", "VBOX", "Msft"}:
        return "virtual"
    rotational = tree.number(f"{disk}/queue/rotational")
    return "" if rotational is None or not name.startswith("sd") else "disk" if rotational else "ssd"
