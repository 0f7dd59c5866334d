"""Which models an engine build cannot run here, and why: learnt from crashes, kept across restarts.

A pair is known by the model file (name, size, time of change) and the build of the engine. A new file or a new
build is a new pair, so nothing stays aside for ever.
"""

import datetime as dt
import logging
from pathlib import Path

import msgspec

from agent.durable import write_atomically

logger = logging.getLogger(__name__)


class Verdict(msgspec.Struct, frozen=True):
    """What is known of one pair: it needs plain buffers, or it is set aside for `reason`.

    Attributes:
        model: what the file is known by.
        build: of the engine.
        reason: in words.
        since: UTC, ISO 8601.
        aside: whether it is not to be run.
        works: it runs, but not as was promised; it is run when the user insists.
    """

    model: str
    build: str
    reason: str
    since: str
    aside: bool
    works: bool = False


class SetAside:
    """The list, in one JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        try:
            known = msgspec.json.decode(path.read_bytes(), type=list[Verdict])
        except FileNotFoundError:
            known = []
        except (OSError, msgspec.MsgspecError) as error:
            logger.warning("The list of set-aside models %s cannot be read and starts anew: %s", path, error)
            known = []
        self._verdicts = {(verdict.model, verdict.build): verdict for verdict in known}

    def verdict(self, model: str, build: str) -> Verdict | None:
        """Return what is known of a pair."""
        return self._verdicts.get((model, build))

    def all(self) -> list[Verdict]:
        """Return all verdicts, oldest first."""
        return list(self._verdicts.values())

    def add(self, model: str, build: str, reason: str, *, aside: bool, works: bool = False) -> None:
        """Remember a verdict."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        self._verdicts[model, build] = Verdict(model, build, reason, now, aside, works)
        try:
            self._save()
        except OSError as error:  # a full disk is no reason not to serve; the crash is learnt again next time
            logger.warning("The list of set-aside models %s cannot be written: %s", self._path, error)

    def clear(self, model: str) -> bool:
        """Give a model another chance with every build; returns whether there was anything to forget."""
        kept = {key: verdict for key, verdict in self._verdicts.items() if key[0] != model}
        changed = len(kept) < len(self._verdicts)
        self._verdicts = kept
        if changed:
            self._save()
        return changed

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._path, msgspec.json.format(msgspec.json.encode(self.all(), enc_hook=str)))


def identify(path: Path | None) -> str:
    """Return what a model file is known by: its name, size and time of change."""
    if path is None:
        return "no file"
    stat = path.stat()
    return f"{path.name} {stat.st_size} {stat.st_mtime_ns}"
