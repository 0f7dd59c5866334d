"""The last choice of a model, and its circumstances: as long as those are the same, so is the choice."""

import hashlib
import logging
from pathlib import Path

import msgspec

from agent.config import Config
from agent.durable import write_atomically
from agent.selection import Machine
from agent.survey import build

logger = logging.getLogger(__name__)

_RULES = "1"  # changes with the rules of selection, so that they take effect on devices that have chosen already


class Decision(msgspec.Struct, frozen=True):
    """What was chosen, and in which circumstances."""

    circumstances: str
    file: str


def circumstances(machine: Machine, catalog: bytes, config: Config) -> str:
    """Return a fingerprint of everything on which a choice depends but for what changes by the hour."""
    parts = (
        _RULES,
        machine.board,
        machine.threads,
        machine.features,
        [(backend.engine, backend.provider, build(backend.engine)) for backend in machine.backends],
        machine.profile,
        config.policy(),
        *([machine.quota] if machine.quota else ()),
    )
    return hashlib.sha256(msgspec.json.encode(parts) + catalog).hexdigest()


def read_decision(path: Path) -> Decision | None:
    """Return the last choice; None when there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Decision)
    except (OSError, msgspec.MsgspecError):
        return None


def write_decision(path: Path, decision: Decision) -> None:
    """Write a choice down, if that is possible."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, msgspec.json.encode(decision))
    except OSError as error:  # it is made again at the next start
        logger.warning("The choice cannot be written to %s: %s", path, error)
