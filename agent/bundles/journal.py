"""The switch to what an update brings: written down first, then done, and done again after a power cut in the middle.

Before the journal is there nothing has changed; from then on everything will. Each step can be repeated.
"""

import logging
import os
import shutil
from pathlib import Path
from typing import TypeVar

import msgspec

from agent import pinned
from agent.bundles.place import Place
from agent.durable import write_atomically
from agent.errors import StoreError
from agent.models.lock import hold_lock
from agent.phrase import Phrase

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Step(msgspec.Struct, frozen=True):
    """One file or directory that changes.

    Attributes:
        target: where it belongs.
        source: what comes there, on the same disk; empty: nothing does.
        keep: where to put what was there.
    """

    target: str
    source: str
    keep: str


class Applied(msgspec.Struct, frozen=True):
    """One update that is in force.

    Attributes:
        name: of the line of updates.
        version: of this one.
        before: the version that was in force before; 0: none.
        at: UTC, ISO 8601.
        key: id of the key that has signed it.
        title: for people.
        chosen: the model that was chosen before; empty: the choice was left to the device.
        serve: the model that it has had chosen; empty: none.
        steps: what has changed.
    """

    name: str
    version: int
    before: int
    at: str
    key: str
    title: str = ""
    chosen: str = ""
    serve: str = ""
    steps: list[Step] = []


class Trial(msgspec.Struct, frozen=True):
    """The model of the last update has yet to prove itself.

    Attributes:
        before: the model that served before; empty: none did.
        begun: whether that has begun; in safe mode, where not every model may run, it waits.
    """

    before: str = ""
    begun: bool = False


class Record(msgspec.Struct, frozen=True):
    """What was applied: the version in force of each line, and the last update, which can be taken back.

    Attributes:
        versions: by the name of the line.
        last: the last update; None: there is none, or it was taken back.
        trial: of that, while the daemon watches it.
    """

    versions: dict[str, int] = {}
    last: Applied | None = None
    trial: Trial | None = None


class Switch(msgspec.Struct, frozen=True):
    """What the journal says: the steps, what is recorded after them, and the choice of a model if it changes."""

    steps: list[Step]
    record: Record
    choose: str | None = None


def read_record(place: Place) -> Record:
    """Return what was applied.

    Raises:
        StoreError: it cannot be read.
    """
    return _read(place.record, Record) or Record()


def note_trial(place: Place, update: Applied, trial: Trial | None) -> None:
    """Write down how the trial of an update stands, if that is still the last one.

    Raises:
        DownloadError: another process works on updates.
        StoreError: it cannot be written.
    """
    with hold_lock(place.lock, "updates"):
        record = read_record(place)
        if record.last == update and record.trial != trial:
            try:
                _write(place, msgspec.structs.replace(record, trial=trial))
            except OSError as error:
                raise _failed(error) from error


def switch(place: Place, change: Switch) -> None:
    """Do everything that a switch says; a loss of power at any moment leaves the old state or leads to the new one.

    Raises:
        StoreError: the disk cannot be written. If the journal is there already, `recover` goes on.
    """
    try:
        place.base.mkdir(parents=True, exist_ok=True)
        write_atomically(place.journal, msgspec.json.encode(change))
        _carry_out(place, change)
    except OSError as error:
        raise _failed(error) from error


def recover(place: Place) -> bool:
    """Complete a switch that was interrupted, and delete what interrupted updates have left; True if there was one.

    Raises:
        StoreError: it cannot be completed.
    """
    change = _read(place.journal, Switch)
    try:
        if change is not None:
            logger.warning("An update was interrupted while it took effect; it is completed.")
            _carry_out(place, change)
        tidy(place)
    except OSError as error:
        raise _failed(error) from error
    return change is not None


def tidy(place: Place) -> None:
    """Delete what waits for nothing: all runs but the one of the last update."""
    record = read_record(place)
    kept = {step.keep for step in record.last.steps} if record.last else set()
    for run in (path for area in place.areas if area.is_dir() for path in area.iterdir()):
        if not any(Path(keep).is_relative_to(run) for keep in kept):
            shutil.rmtree(run, ignore_errors=True)
    if place.file is not None:
        for path in place.file.parent.glob(f".{place.file.name}.*.new"):
            path.unlink(missing_ok=True)


def _carry_out(place: Place, change: Switch) -> None:
    for step in change.steps:
        _take(Path(step.target), Path(step.source) if step.source else None, Path(step.keep))
    if change.choose is not None:
        pinned.write(place.config.state_dir, change.choose)
    _write(place, change.record)
    place.journal.unlink()
    _sync(place.base)


def _take(target: Path, source: Path | None, keep: Path) -> None:
    """Put `source` in place of `target`, and that aside; a file is never missing meanwhile, a model for a moment."""
    if source is not None and not source.exists():
        return  # done before the power went
    if target.is_dir():
        keep.parent.mkdir(parents=True, exist_ok=True)
        target.rename(keep)
        _sync(keep.parent)
    elif target.is_file():
        keep.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(keep, target.read_bytes())
        shutil.copymode(target, keep)
    if source is None:
        target.unlink(missing_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    if target.parent.is_dir():
        _sync(target.parent)


def _write(place: Place, record: Record) -> None:
    write_atomically(place.record, msgspec.json.format(msgspec.json.encode(record)))


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(
            Phrase("bundles.state_unreadable", "{path} cannot be read: {error}.", path=path, error=str(error))
        ) from error


def _failed(error: OSError) -> StoreError:
    return StoreError(
        Phrase("bundles.unwritable", "The update cannot be written: {reason}.", reason=str(error)),
        hint=Phrase("bundles.unwritable_hint", "is there room, and may Edgewise write there?"),
    )
