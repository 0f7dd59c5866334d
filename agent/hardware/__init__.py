"""The hardware of this computer, or of a recorded one, from files in /proc and /sys; needs no root rights."""

from pathlib import Path

from agent.hardware import accelerators, board, cpu, memory, storage, thermal
from agent.hardware.facts import Hardware
from agent.hardware.tree import Tree


def probe(root: Path = Path("/"), *, storage: Path | None = None) -> Hardware:
    """Return what is known about a computer; what cannot be read is an empty value, never an error.

    Args:
        root: `/`, or the top of a recorded tree, of which nothing but its files is used.
        storage: directory of the models, which need not exist yet; a recorded tree has its own answer.
    """
    return look(Tree(root), storage)


def look(tree: Tree, directory: Path | None) -> Hardware:
    """Return what is known about the computer whose files these are."""
    return Hardware(
        board=board.find(tree),
        cpu=cpu.find(tree),
        memory=memory.find(tree),
        accelerators=accelerators.find(tree),
        thermal=thermal.find(tree),
        # With a tree of its own: what it reads is kept out of recordings, which hold the answer instead.
        storage=storage.find(Tree(tree.root), directory),
    )
