"""Applies updates, and takes the last one back."""

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from agent import pinned
from agent.bundles import fitness
from agent.bundles.journal import Applied, Record, Step, Switch, Trial, read_record, recover, switch, tidy
from agent.bundles.manifest import Manifest
from agent.bundles.place import Place
from agent.bundles.reading import Bundle, Source, open_bundle
from agent.bundles.staging import Staging
from agent.bundles.trust import trusted_keys
from agent.durable import write_atomically
from agent.errors import BundleError
from agent.models.lock import hold_lock, lock_path
from agent.models.progress import Meter, Progress, ignore
from agent.models.settings import TransferSettings
from agent.phrase import Phrase

_RESERVE = TransferSettings().reserve


def look(place: Place, source: Source) -> Bundle:
    """Say whether an update may be taken, from nothing but its beginning.

    Raises:
        BundleError: it is refused.
        DownloadError: there is no room for it.
        StoreError: what is recorded of earlier updates cannot be read.
    """
    bundle = open_bundle(source, trusted_keys(place.config))
    manifest = bundle.manifest
    fitness.require_newer(manifest, read_record(place).versions.get(manifest.name, 0))
    fitness.require_fitting(manifest, place)
    fitness.require_room(place, Staging(place, manifest).bytes_for(), _RESERVE)
    return bundle


def apply(
    place: Place,
    source: Source,
    *,
    on_progress: Callable[[Progress], None] = ignore,
    trial: Trial | None = None,
    dry_run: bool = False,
) -> Manifest:
    """Take an update from where it begins; afterwards all of it is in force, or nothing has changed.

    Args:
        place: the device.
        source: stands at the beginning of a bundle.
        on_progress: is told how far it is.
        trial: of the model that it has serve; None: whoever applies it sees to that.
        dry_run: read and check everything, change nothing.

    Raises:
        BundleError: the update is refused.
        DownloadError: the disk is full or broken, or another process works on updates or on one of the models.
        StoreError: what is recorded of earlier updates cannot be read or written.
    """
    with hold_lock(place.lock, "updates"):
        recover(place)
        bundle = look(place, source)
        manifest = bundle.manifest
        staging = Staging(place, manifest)
        with _cleaned(place):
            staging.receive(bundle, Meter(on_progress))
            steps = staging.steps()
            if not dry_run:
                _sync_all(place)
                with _held(place, manifest):
                    switch(place, _forward(place, bundle, steps, trial))
        return manifest


def roll_back(place: Place, update: Applied | None = None) -> Applied:
    """Take the last update back, and return it: everything that it has changed is as before.

    Args:
        place: the device.
        update: that it must be.

    Raises:
        BundleError: there is none, or another one.
        DownloadError: another process works on updates.
        StoreError: the disk cannot be written.
    """
    with hold_lock(place.lock, "updates"):
        recover(place)
        record = read_record(place)
        last = record.last
        if last is None or (update and update != last):
            raise BundleError(Phrase("bundles.nothing_back", "There is no update that could be taken back."))
        chosen = last.chosen if last.serve and pinned.read(place.config.state_dir) == last.serve else None
        versions = {name: version for name, version in record.versions.items() if name != last.name}
        if last.before:
            versions[last.name] = last.before
        steps = [_back(place, number, step) for number, step in enumerate(reversed(last.steps))]
        with _cleaned(place):
            switch(place, Switch(steps, Record(versions), chosen))
        return last


def _forward(place: Place, bundle: Bundle, steps: list[Step], trial: Trial | None) -> Switch:
    record, manifest = read_record(place), bundle.manifest
    applied = Applied(
        name=manifest.name,
        version=manifest.version,
        before=record.versions.get(manifest.name, 0),
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        key=bundle.key.name,
        title=manifest.title,
        chosen=pinned.read(place.config.state_dir),
        serve=manifest.serve,
        steps=steps,
    )
    versions = {**record.versions, manifest.name: manifest.version}
    return Switch(steps, Record(versions, applied, trial if manifest.serve else None), manifest.serve or None)


def _back(place: Place, number: int, step: Step) -> Step:
    """Return the step that undoes one; what it has brought is put where it will be deleted."""
    models, others = place.areas
    target = Path(step.target)
    area = models if target.is_relative_to(place.config.models_dir) else others
    source = step.keep if Path(step.keep).exists() else ""
    if source and not target.is_relative_to(place.config.state_dir):  # the configuration file may be on another disk
        beside = target.with_name(f".{target.name}.{place.run}.new")
        write_atomically(beside, Path(source).read_bytes())
        beside.chmod(target.stat().st_mode & 0o777)
        source = str(beside)
    return Step(step.target, source, str(area / place.run / "back" / str(number)))


@contextlib.contextmanager
def _cleaned(place: Place) -> Iterator[None]:
    """Delete what is not needed afterwards, whatever happens."""
    try:
        yield
    finally:
        if not place.journal.exists():
            tidy(place)


@contextlib.contextmanager
def _held(place: Place, manifest: Manifest) -> Iterator[None]:
    """Keep others from the models that change."""
    with contextlib.ExitStack() as stack:
        for name in manifest.models():
            stack.enter_context(hold_lock(lock_path(place.config.models_dir, name), name))
        yield


def _sync_all(place: Place) -> None:
    """Bring the directories of what has arrived to the disk; the files are there."""
    for area in place.areas:
        for path in [area, *area.rglob("*")] if area.is_dir() else []:
            if path.is_dir():
                descriptor = os.open(path, os.O_RDONLY)
                os.fsync(descriptor)
                os.close(descriptor)
