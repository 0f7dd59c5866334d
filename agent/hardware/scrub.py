"""Take out of what was read whatever names one computer or its owner.

That is serial numbers and UUIDs, network addresses, and the names of control groups, in which container engines put
host names and ids.
"""

import re

from agent.hardware.board import CONTAINER_GROUP
from agent.hardware.tree import Tree

_SECRET_LINE = re.compile(rb"^[^\n:=]*(?:serial|uuid)[^\n:=]*[:=][^\n]*\n?", re.IGNORECASE | re.MULTILINE)
_NETWORK_ADDRESS = re.compile(rb"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", re.IGNORECASE)
_MOUNT = "sys/fs/cgroup/"
_OWN_GROUPS = "proc/self/cgroup"
_FIRST_GROUPS = "proc/1/cgroup"


def scrub(tree: Tree) -> dict[str, bytes]:
    """Return the files that were read, by path, with the same facts and no secrets; empty ones are left out."""
    own = [parts for line in tree.lines(_OWN_GROUPS) if len(parts := line.split(":", 2)) == 3]  # noqa: PLR2004 - the format
    groups = [parts[2].strip("/").split("/") for parts in own]
    files = {_path(path, groups): _clean(data) for path, data in tree.files.items() if data}
    if own:
        lines = [f"{number}:{names}:/{_renamed(path.strip('/'))}\n" for number, names, path in own]
        files[_OWN_GROUPS] = "".join(lines).encode()
    if _FIRST_GROUPS in files:
        words = sorted({word for line in tree.lines(_FIRST_GROUPS) for word in CONTAINER_GROUP.findall(line)})
        files[_FIRST_GROUPS] = "".join(f"0::/{word}\n" for word in words or [""]).encode()
    return files


def _clean(data: bytes) -> bytes:
    return _NETWORK_ADDRESS.sub(b"00:00:00:00:00:00", _SECRET_LINE.sub(b"", data))


def _path(path: str, groups: list[list[str]]) -> str:
    """Return where a file goes: below our control groups under their new names, else where it was."""
    directory, _, name = path.rpartition("/")
    if not path.startswith(_MOUNT):
        return path
    for parts in groups:
        for depth in range(len(parts), 0, -1):
            group = "/".join(parts[:depth])
            if group and directory.endswith(f"/{group}"):
                return f"{directory.removesuffix(group)}{_renamed(group)}/{name}"
    return path


def _renamed(group: str) -> str:
    """Return `group1/group2` for `docker/9f86d081…`."""
    return "/".join(f"group{depth}" for depth, _ in enumerate(group.split("/"), start=1)) if group else ""
