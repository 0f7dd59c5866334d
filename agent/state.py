"""What the node says about itself."""

import importlib.metadata

import msgspec

from agent.selection import Selection

VERSION = importlib.metadata.version("edgewise")


class RestraintState(msgspec.Struct, frozen=True):
    """Why the best model does not run: the cause (`heat`, `memory` or `crashes`), what has happened, what ends it."""

    cause: str
    reason: str
    way_out: str


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `/healthz` says. `status` is `ok`, `loading`, `downloading`, `restarting` or `failed`."""

    status: str
    version: str
    model: str = ""
    detail: str = ""
    hint: str = ""
    progress: float = 0.0
    active: int = 0
    restarts: int = 0
    restraints: list[RestraintState] = []


class SelectionState(msgspec.Struct, frozen=True):
    """What `GET /api/edgewise/selection` says.

    Attributes:
        serving: name of the installed model that answers now; empty while none does.
        wanted: name of the model that the user has chosen; empty when the choice is ours.
        coming: what is being installed and how far it is, or what cannot be installed and why; empty otherwise.
        failures: why models that were to serve do not, in sentences; those that crashed, or missed what was predicted.
        selection: the choice with all its reasons.
    """

    serving: str
    wanted: str
    coming: str
    failures: list[str]
    selection: Selection
