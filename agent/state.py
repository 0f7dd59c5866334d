"""What the node says about itself."""

import importlib.metadata

import msgspec

from agent.selection import Selection

VERSION = importlib.metadata.version("edgewise")


class RestraintState(msgspec.Struct, frozen=True):
    """Why the best model does not run: `heat`, `memory`, `crashes` or `signature`, what has happened, what ends it."""

    cause: str
    reason: str
    way_out: str


class CrashState(msgspec.Struct, frozen=True):
    """A crash: when that life of the daemon began (seconds since 1970), how it has ended, and which version it was."""

    begun: float
    how: str
    version: str


class SafeModeState(msgspec.Struct, frozen=True):
    """What there is to say about safe mode while it lasts.

    Attributes:
        level: 1: only the smallest model runs; 2: none does, and nothing is reported or announced.
        reason: what has happened, in sentences.
        way_out: what ends it.
        wanted: whether somebody has asked for it.
        since: when this level was entered, in seconds since 1970 as the device believed.
        crashes: the latest, oldest first.
    """

    level: int
    reason: str
    way_out: str
    wanted: bool
    since: float
    crashes: list[CrashState]


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
    safe_mode: SafeModeState | None = None


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
