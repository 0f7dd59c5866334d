"""The control groups of a process: cgroup v2, and v1 where a controller is still on it."""

from agent.hardware.tree import Tree

_MOUNT = "sys/fs/cgroup"
_DEEPEST = 32  # levels above the process that are looked at


def ancestors(tree: Tree, controller: str, process: int | str = "self") -> tuple[list[str], bool]:
    """Return the directories of a controller, from the process's own group up to the mount, and whether it is v1.

    In a container the path often is the host's while the mount shows the container's own group as its root: then only
    the upper end exists, and that is the right one.
    """
    path, mount, old = "/", _MOUNT, False
    for line in tree.lines(f"proc/{process}/cgroup"):
        hierarchy, _, rest = line.partition(":")
        names, _, place = rest.partition(":")
        if controller in names.split(","):
            path, mount, old = place, f"{_MOUNT}/{names}", True
            break
        if hierarchy == "0" and not names:
            path = place
    parts = [part for part in path.split("/") if part]
    if ".." in parts:  # the group is outside of what this container may see
        parts = []
    return ["/".join([mount, *parts[:depth]]) for depth in range(min(len(parts), _DEEPEST), -1, -1)], old
