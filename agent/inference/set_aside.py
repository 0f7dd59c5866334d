"""Which models an engine build cannot run here, and why: learnt from crashes, kept across restarts.

A pair is known by the model's files (names, sizes, times of change) and the build of the engine. A new file or a new
build is a new pair, so nothing stays aside for ever.
"""

import datetime as dt
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.durable import write_atomically
from agent.kept import read_kept
from agent.onnx import is_onnx

logger = logging.getLogger(__name__)

_KEPT = 200  # verdicts

_NOTES = {"model.json"}  # ours, about the model


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
        words = "The list of set-aside models %s cannot be read and starts anew: %s"
        known = read_kept(path, list[Verdict], list, logger, words)
        self._verdicts = {(verdict.model, verdict.build): verdict for verdict in known}

    def verdict(self, model: str, build: str) -> Verdict | None:
        """Return what is known of a pair."""
        return self._verdicts.get((model, build))

    def is_aside(self, path: Path | None, build: str) -> bool:
        """Tell whether a model file is not to be run with a build."""
        try:
            verdict = self.verdict(identify(path), build)
        except OSError:  # somebody has removed it
            return False
        return verdict is not None and verdict.aside

    def all(self) -> list[Verdict]:
        """Return all verdicts, oldest first."""
        return list(self._verdicts.values())

    def add(self, model: str, build: str, reason: str, *, aside: bool, works: bool = False) -> None:
        """Remember a verdict."""
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        self._verdicts.pop((model, build), None)
        self._verdicts[model, build] = Verdict(model, build, reason, now, aside, works)
        for oldest in list(self._verdicts)[:-_KEPT]:
            del self._verdicts[oldest]
        self._save()

    def clear(self, model: str) -> bool:
        """Give a model another chance with every build; returns whether there was anything to forget."""
        kept = {key: verdict for key, verdict in self._verdicts.items() if key[0] != model}
        changed = len(kept) < len(self._verdicts)
        self._verdicts = kept
        if changed:
            self._save()
        return changed

    def _save(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.json.format(msgspec.json.encode(self.all(), enc_hook=str)))
        except OSError as error:  # a full disk is no reason not to serve; the crash is learnt again next time
            logger.warning("The list of set-aside models %s cannot be written: %s", self._path, error)


def identify(path: Path | None) -> str:
    """Return what a model is known by: the name of its file, its size and time of change.

    Of an ONNX model all that lies in its folder counts, since a graph stays the same when its weights are repaired.
    """
    if path is None:
        return "no file"
    stat = path.stat()
    if not is_onnx(path):
        return f"{path.name} {stat.st_size} {stat.st_mtime_ns}"
    files = sorted(_beside(path))
    size = sum(size for _, size, _ in files)
    return f"{path.name} {size} {hashlib.sha256(repr(files).encode()).hexdigest()[:16]}"


def _beside(path: Path) -> Iterator[tuple[str, int, int]]:
    """Yield name, size and time of change of the files of an ONNX model; one folder may lie below: `onnx`."""
    folder = path if path.is_dir() else path.parent
    root = folder.parent if folder.name == "onnx" and is_onnx(folder.parent) else folder
    for place in {root, folder, root / "onnx"}:
        if not place.is_dir():
            continue
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.is_file() and not entry.name.startswith(".") and entry.name not in _NOTES:
                    stat = entry.stat()
                    yield f"{place.name}/{entry.name}", stat.st_size, stat.st_mtime_ns
