"""Which model was used when: the order of use decides which one goes first, so that no clock has to be right."""

import logging
from collections.abc import Collection
from pathlib import Path

import msgspec

from agent.durable import write_atomically
from agent.kept import read_kept

logger = logging.getLogger(__name__)

_MOST = 100  # models that are remembered
_DAY = 86_400.0


class Use(msgspec.Struct, frozen=True):
    """One model.

    Attributes:
        name: of the model.
        at: when it was used last, in seconds since 1970; 0: it never was.
    """

    name: str
    at: float = 0.0


class Uses:
    """The models in the order of their last use, the latest at the end; a new one counts as used when it comes.

    Written rarely, since flash memory wears: when the order changes, else once a day.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._uses = _load(path)
        self._written = {use.name: use.at for use in self._uses}

    def all(self) -> tuple[Use, ...]:
        """Return all, the latest at the end."""
        return tuple(self._uses)

    def last(self, name: str) -> float:
        """Return when a model was used last, in seconds since 1970; 0: never, as far as is known."""
        return next((use.at for use in self._uses if use.name == name), 0.0)

    def note(self, name: str, at: float) -> None:
        """Remember that a model is in use."""
        last = self._uses[-1].name if self._uses else ""
        self._put([use for use in self._uses if use.name != name] + [Use(name, at)])
        if last != name or abs(at - self._written.get(name, 0.0)) >= _DAY:
            self._save()

    def follow(self, installed: Collection[str]) -> None:
        """Add the models that are new, and forget those that are gone."""
        known = {use.name for use in self._uses}
        if known != set(installed):
            kept = [use for use in self._uses if use.name in installed]
            self._put(kept + [Use(name) for name in sorted(set(installed) - known)])
            self._save()

    def keep(self) -> None:
        """Write what is not written yet, at the end."""
        if self._written != {use.name: use.at for use in self._uses}:
            self._save()

    def _put(self, uses: list[Use]) -> None:
        self._uses = uses[-_MOST:]

    def _save(self) -> None:
        self._written = {use.name: use.at for use in self._uses}
        try:
            write_atomically(self._path, msgspec.json.encode(self._uses))
        except OSError as error:  # the order stays in memory
            logger.warning("The order of use of the models cannot be written to %s: %s", self._path, error)


def _load(path: Path) -> list[Use]:
    words = "The order of use of the models in %s cannot be read and begins anew: %s"
    return read_kept(path, list[Use], list, logger, words)
