"""NVIDIA's Linux for Tegra, and which JetPack it belongs to."""

import re

from agent.hardware.tree import Tree

_RELEASE = re.compile(r"# R(\d{1,3}) \(release\), REVISION: (\d{1,3}(?:\.\d{1,3}){0,2})\b")

# https://developer.nvidia.com/embedded/jetpack-archive; the tables of jetson-containers and jetson_stats agree.
_JETPACK = {
    "32.4.3": "4.4", "32.4.4": "4.4.1", "32.5.0": "4.5", "32.5.1": "4.5.1", "32.5.2": "4.5.1", "32.6.1": "4.6",
    "32.7.1": "4.6.1", "32.7.2": "4.6.2", "32.7.3": "4.6.3", "32.7.4": "4.6.4", "32.7.5": "4.6.5",
    "32.7.6": "4.6.6",
    "35.1.0": "5.0.2", "35.2.1": "5.1", "35.3.1": "5.1.1", "35.4.1": "5.1.2", "35.5.0": "5.1.3", "35.6.0": "5.1.4",
    "35.6.1": "5.1.5", "35.6.2": "5.1.5",
    "36.2.0": "6.0 DP", "36.3.0": "6.0", "36.4.0": "6.1", "36.4.2": "6.1.1", "36.4.3": "6.2", "36.4.4": "6.2.1",
    "36.4.7": "6.2.1", "36.5.0": "6.2.2",
    "38.2.0": "7.0", "38.2.1": "7.0", "38.2.2": "7.0", "38.4.0": "7.1", "39.2.0": "7.2",
}  # fmt: skip


def l4t(tree: Tree) -> str:
    """Return the release of Linux for Tegra, such as `36.4.3`, from `# R36 (release), REVISION: 4.3, GCID: …`."""
    for line in tree.lines("etc/nv_tegra_release"):
        if found := _RELEASE.match(line):
            return f"{found[1]}.{found[2]}"
    return ""


def jetpack(release: str) -> str:
    """Return the JetPack of a release of Linux for Tegra; empty when it is not in the table: no guesses."""
    return _JETPACK.get(release) or _JETPACK.get(f"{release}.0", "")
