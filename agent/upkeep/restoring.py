"""Puts a backup in place of what is here: all of it is checked first, and what was here is kept to go back to.

The new files wait in `restore.new`. Once `ready.json` is in there, the change is carried through, by the next start if
the power goes meanwhile: each file that is there moves to `before-restore`, the new one takes its place.
"""

import contextlib
import os
import shutil
import sqlite3
import tarfile
import zlib
from pathlib import Path
from typing import IO

import msgspec
from sqlite_utils import Database

from agent.durable import write_atomically
from agent.errors import InputError, StoreError
from agent.phrase import Phrase
from agent.schema import migrations
from agent.upkeep.archive import CONFIG, DATABASE, FORMAT, MANIFEST, Entry, Manifest, digest, names_allowed
from agent.upkeep.checking import trouble

_COMING, _BEFORE, _READY = "restore.new", "before-restore", "ready.json"
_KEPT_CONFIG = "config.restored.toml"
_MOST_MANIFEST = 4 << 20
_MOST_FILES = 10_000
_CHUNK = 1 << 20
_RESERVE = 64 << 20  # bytes of the disk that stay free


def restore(state_dir: Path, file: Path, *, new_id: bool = False) -> Manifest:
    """Put what a backup has in place of what is here. No daemon may work in the directory.

    Args:
        state_dir: of the device.
        file: the backup.
        new_id: the device gets an id of its own, since the one of the backup is still in use.

    Raises:
        InputError: the file is no backup, damaged, or of a newer version; nothing was changed.
        StoreError: the disk is full or cannot be written.
    """
    coming = state_dir / _COMING
    try:
        _discard(coming)
        coming.mkdir(0o700, parents=True)
        manifest = _unpack(file, coming)
        _check_database(coming / DATABASE, new_id=new_id)
        if (coming / CONFIG).exists():
            (coming / CONFIG).rename(coming / _KEPT_CONFIG)
        _begin(state_dir, [_KEPT_CONFIG if entry.name == CONFIG else entry.name for entry in manifest.files])
    except (OSError, sqlite3.Error) as error:
        raise _failed(error) from error
    finally:
        if not (coming / _READY).exists():
            _discard(coming)
    complete(state_dir)
    return manifest


def go_back(state_dir: Path) -> None:
    """Put back what the last restore has replaced; doing it again undoes that.

    Raises:
        StoreError: there is nothing to go back to, or it cannot be written.
    """
    before, coming = state_dir / _BEFORE, state_dir / _COMING
    try:
        names = msgspec.json.decode((before / _READY).read_bytes(), type=list[str])
        _discard(coming)
        (before / _READY).unlink()
        before.rename(coming)
        _begin(state_dir, names)
    except FileNotFoundError as error:
        raise StoreError(Phrase("errors.no_way_back", "There is nothing to go back to.")) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise _failed(error) from error
    complete(state_dir)


def complete(state_dir: Path) -> bool:
    """Carry through a restore that has begun; return whether there was one.

    Raises:
        StoreError: it cannot be written.
    """
    coming, before = state_dir / _COMING, state_dir / _BEFORE
    try:
        ready = (coming / _READY).read_bytes()
        for name in msgspec.json.decode(ready, type=list[str]):
            _exchange(state_dir / name, coming / name, before / name)
        write_atomically(before / _READY, ready)
        _own(state_dir)
        (coming / _READY).unlink()
        _discard(coming)
    except FileNotFoundError:
        return False
    except (OSError, msgspec.MsgspecError) as error:
        raise _failed(error) from error
    return True


def _exchange(target: Path, new: Path, old: Path) -> None:
    """Have the new file, or none, where the target was; done again it changes nothing."""
    if target.exists() and not old.exists():
        old.parent.mkdir(0o700, parents=True, exist_ok=True)
        target.rename(old)
    if new.exists():
        target.parent.mkdir(0o700, parents=True, exist_ok=True)
        new.replace(target)


def _begin(state_dir: Path, names: list[str]) -> None:
    """Say that what waits is whole. The logs of SQLite go with the database that they belong to."""
    _discard(state_dir / _BEFORE)
    (state_dir / _BEFORE).mkdir(0o700)
    every = list(dict.fromkeys([f"{DATABASE}-wal", f"{DATABASE}-shm", *names]))
    write_atomically(state_dir / _COMING / _READY, msgspec.json.encode(every))


def _unpack(file: Path, into: Path) -> Manifest:
    try:
        with tarfile.open(file, "r|gz") as archive:
            manifest = _read_manifest(archive)
            _require_room(into, manifest)
            for entry in manifest.files:
                member = archive.next()
                if member is None or (member.name, member.size) != (entry.name, entry.bytes) or not member.isreg():
                    raise _damaged(f"{entry.name} is missing")
                content = archive.extractfile(member)
                assert content is not None  # noqa: S101 - it is a regular file
                _extract(content, into / entry.name, entry)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise _damaged(error) from error
    return manifest


def _read_manifest(archive: tarfile.TarFile) -> Manifest:
    member = archive.next()
    if member is None or member.name != MANIFEST or not member.isreg() or member.size > _MOST_MANIFEST:
        raise _damaged("it has no manifest")
    content = archive.extractfile(member)
    try:
        manifest = msgspec.json.decode(content.read() if content else b"", type=Manifest)
    except msgspec.MsgspecError as error:
        raise _damaged(error) from error
    names = [entry.name for entry in manifest.files]
    sound = len(set(names)) == len(names) <= _MOST_FILES and all(map(names_allowed, names)) and DATABASE in names
    if not sound:
        raise _damaged("its list of files makes no sense")
    if manifest.format != FORMAT or not {*manifest.migrations} <= _known():
        raise _newer(manifest.version)
    return manifest


def _extract(content: IO[bytes], target: Path, entry: Entry) -> None:
    target.parent.mkdir(0o700, exist_ok=True)
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        shutil.copyfileobj(content, out, _CHUNK)
        out.flush()
        os.fsync(out.fileno())
    if target.stat().st_size != entry.bytes or digest(target) != entry.sha256:
        raise _damaged(f"{entry.name} is not what was written")


def _check_database(path: Path, *, new_id: bool) -> None:
    """Accept only a sound app.db of a version that is known. Everybody signs in anew: who was signed out stays so."""
    if wrong := trouble(path):
        raise _damaged(f"{DATABASE}: {wrong}")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        try:
            found = {name for (name,) in connection.execute("SELECT name FROM _sqlite_migrations")}
            connection.execute("DELETE FROM sessions")
            if new_id:
                connection.execute("DELETE FROM device WHERE key = 'id'")
        except sqlite3.DatabaseError as error:
            raise _damaged(error) from error
    if not found <= _known():
        raise _newer("a newer version")


def _known() -> set[str]:
    return {migration.name for migration in migrations.pending(Database(memory=True))}  # an empty one lacks them all


def _require_room(directory: Path, manifest: Manifest) -> None:
    needed = sum(entry.bytes for entry in manifest.files) + _RESERVE
    if shutil.disk_usage(directory).free < needed:
        raise StoreError(Phrase("errors.restore_no_room", "There is no room on the disk for this backup."))


def _own(state_dir: Path) -> None:
    """Give what root has written to whom the directory belongs, or the daemon could not read it."""
    if os.geteuid():
        return
    owner = state_dir.stat()
    for folder in (state_dir, *(state_dir / name for name in ("families", "firmware-profiles", "keys", _BEFORE))):
        for path in (folder, *(folder.iterdir() if folder.is_dir() else ())):
            if path.exists() and not path.is_symlink():
                os.chown(path, owner.st_uid, owner.st_gid)


def _discard(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _damaged(why: object) -> InputError:
    return InputError(
        Phrase("errors.backup_damaged", "This file is no backup of Edgewise, or it is damaged: {why}.", why=why),
        hint=Phrase("errors.backup_damaged_hint", "Nothing was changed. Copy the file again, or take another one."),
    )


def _newer(version: str) -> InputError:
    return InputError(
        Phrase(
            "errors.backup_newer", "This backup was made by {version}, which this one does not know.", version=version
        ),
        hint=Phrase("errors.backup_newer_hint", "Nothing was changed. Upgrade Edgewise, then restore."),
    )


def _failed(error: object) -> StoreError:
    return StoreError(Phrase("errors.restore_failed", "The backup cannot be put in place: {why}.", why=error))
