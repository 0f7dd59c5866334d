"""The computer as a whole: its name, its system, and whether this is a container."""

import re

from agent.hardware import jetpack
from agent.hardware.facts import Board
from agent.hardware.tree import Tree

_BASES = ("proc/device-tree", "sys/firmware/devicetree/base")
_DMI = "sys/class/dmi/id"
# What makers leave in DMI when they have not filled it in.
_JUNK = re.compile(
    r"(?:to be filled.*|default(?: string)?|system (?:product name|manufacturer|name|version)|not (?:specified"
    r"|applicable|available)|o\.?e\.?m\.?|unknown|none|n/?a|empty|invalid|type\d.*|[x0.\- ]+)",
    re.IGNORECASE,
)
_TRADE_MARK = re.compile(r"\((?:r|tm)\)", re.IGNORECASE)
_LEGAL = re.compile(r"[, ]+(?:client systems|inc|corp(?:oration)?|co|ltd|limited|llc|gmbh)\.?$", re.IGNORECASE)
_CONTAINER_FILES = (".dockerenv", "run/.containerenv", "run/systemd/container", "run/host/container-manager")
CONTAINER_GROUP = re.compile(r"docker|containerd|kubepods|libpod|lxc|buildkit|garden")


def find(tree: Tree) -> Board:
    """Return the facts about the board; the device tree counts before DMI, which some Arm firmware fakes."""
    named = _device_tree(tree, "model")
    vendor = "" if named else _dmi(tree, "sys_vendor")
    release = jetpack.l4t(tree)
    return Board(
        model=named[0] if named else _product(tree, vendor),
        vendor=vendor,
        compatible=compatible(tree),
        system=_system(tree),
        kernel=tree.text("proc/sys/kernel/osrelease"),
        l4t=release,
        jetpack=jetpack.jetpack(release),
        container=_container(tree),
    )


def compatible(tree: Tree) -> list[str]:
    """Return the device tree's list of what the board is compatible with, most specific first."""
    return _device_tree(tree, "compatible")


def _device_tree(tree: Tree, name: str) -> list[str]:
    return next((found for base in _BASES if (found := tree.strings(f"{base}/{name}"))), [])


def _dmi(tree: Tree, name: str) -> str:
    text = " ".join(_TRADE_MARK.sub(" ", tree.text(f"{_DMI}/{name}")).split())
    return "" if _JUNK.fullmatch(text) else text


def _product(tree: Tree, vendor: str) -> str:
    """Return maker and product, the maker without its legal form and only once."""
    maker = vendor
    while maker != (shorter := _LEGAL.sub("", maker)):
        maker = shorter
    product = _dmi(tree, "product_name") or _dmi(tree, "board_name")
    return f"{maker} {product}".strip() if product and not product.lower().startswith(maker.lower()) else product


def _system(tree: Tree) -> str:
    for path in ("etc/os-release", "usr/lib/os-release"):
        if name := tree.table(path, "=").get("PRETTY_NAME", "").strip("\"'"):
            return name
    return ""


def _container(tree: Tree) -> bool:
    """Tell whether there is a container's marker, or process 1 is in a group that container engines make."""
    marked = [path for path in _CONTAINER_FILES if tree.exists(path)]
    return bool(marked) or any(CONTAINER_GROUP.search(line) for line in tree.lines("proc/1/cgroup"))
