"""The commands: one module each, named as in topics.

A module has a docstring whose first sentence is the command's description, a struct `Args`, a function
`async def run(host: Host, args: Args, call: Call) -> RESULT`, and `TRAITS`. Errors of `agent.errors` are the answer
where it cannot be carried out.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import get_type_hints

from agent.telemetry.calls import Kind


def load() -> Mapping[str, Kind]:
    """Return all commands by name."""
    return {info.name: _kind(info.name) for info in pkgutil.iter_modules(__path__)}


def _kind(name: str) -> Kind:
    module = importlib.import_module(f"{__name__}.{name}")
    summary = (module.__doc__ or "").partition("\n")[0]
    return Kind(name, summary, module.Args, get_type_hints(module.run)["return"], module.run, module.TRAITS)
