"""GPUs and NPUs: one module per kind, found by its name and asked what it finds."""

import importlib
import pkgutil
from typing import Protocol, cast

from agent.hardware.facts import Accelerator
from agent.hardware.tree import Tree


class Kind(Protocol):
    """What every module in this package offers."""

    def find(self, tree: Tree) -> list[Accelerator]:
        """Return the accelerators of this kind."""
        ...


def find(tree: Tree) -> list[Accelerator]:
    """Return all accelerators, by module name and then as the system numbers them."""
    found: list[Accelerator] = []
    for module in pkgutil.iter_modules(__path__):
        kind = cast("Kind", importlib.import_module(f"{__name__}.{module.name}"))
        found += kind.find(tree)
    return found
