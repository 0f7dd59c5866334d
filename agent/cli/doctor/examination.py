"""The examination: what is looked at, in which order, and what becomes of a look that fails."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from agent.cli.doctor import (
    choice,
    clock,
    computer,
    crashes,
    database,
    disk,
    door,
    engine,
    models,
    service,
    software,
    telemetry,
)
from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, warn
from agent.errors import EdgewiseError

__all__ = ["Case", "Examined", "examine"]

_Look: TypeAlias = Callable[[Case], Iterator[Finding]]
_LOOKS: Mapping[str, tuple[_Look, ...]] = {
    "Software": (software.look,),
    "Service": (service.look, crashes.look),
    "Computer": (computer.look,),
    "Storage": (disk.look, database.look),
    "Clock": (clock.look,),
    "Door": (door.look,),
    "Models": (models.look, choice.look),
    "Engine": (engine.providers_look, engine.look),
    "Network": (telemetry.look,),
}


@dataclass(frozen=True)
class Examined:
    """A finding, and which part of the examination has found it."""

    part: str
    finding: Finding


def examine(case: Case) -> Iterator[Examined]:
    """Yield what is found, each thing once, as soon as it is known."""
    said: set[Finding] = set()
    for part, looks in _LOOKS.items():
        for look in looks:
            for finding in _guarded(look, case):
                if finding not in said:
                    said.add(finding)
                    yield Examined(part, finding)


def _guarded(look: _Look, case: Case) -> Iterator[Finding]:
    """Yield what a look finds; where it cannot go on, that is a finding, and the others go on."""
    try:
        yield from look(case)
    except PermissionError:
        yield other_user(case)
    except EdgewiseError as error:
        yield bad("cannot-look", error.message, error.hint)
    except (OSError, sqlite3.Error) as error:
        yield bad("cannot-look", f"this could not be looked at: {error}", "what it needs may be damaged")


def other_user(case: Case) -> Finding:
    """Return that somebody else's files cannot be looked at."""
    what = f"{case.config.state_dir} belongs to another user, so that models, chats and disk cannot be looked at"
    return warn("other-user", what, "say `sudo edgewise doctor`")
