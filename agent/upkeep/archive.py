"""A backup in one file: app.db and what the owner has put beside it, with a manifest; models only by name.

A `.tar.gz` whose first member is `manifest.json`. What only fits this very board, such as measurements, is left out:
it is learnt again.
"""

import contextlib
import datetime as dt
import hashlib
import io
import os
import re
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.durable import rename_durably
from agent.errors import StoreError
from agent.models import InstalledModel, ModelStore
from agent.phrase import Phrase
from agent.state import VERSION
from agent.upkeep.copying import copy_database

MANIFEST, DATABASE, CONFIG = "manifest.json", "app.db", "config.toml"
SECRETS = ("mqtt.password", "tls-key.pem", "tls-certificate.pem")
FILES = ("chosen-model", "benchmarks.json", "uses.json")
FOLDERS = ("families", "firmware-profiles", "keys")
FORMAT = 1

_CREDENTIALS = re.compile(r"://[^/@\s\"']*@")
_MIGRATIONS = "SELECT name FROM _sqlite_migrations WHERE migration_set = 'edgewise' ORDER BY id"


class Entry(msgspec.Struct, frozen=True):
    """One file: its name, size in bytes, and SHA-256 in hexadecimal digits."""

    name: str
    bytes: int
    sha256: str


class Model(msgspec.Struct, frozen=True):
    """A model that was installed: what to pull for it, and what its file was."""

    name: str
    source: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup has.

    Attributes:
        format: of the file.
        version: of Edgewise.
        created: UTC, ISO 8601.
        device: id of the device.
        name: of the device.
        secrets: whether keys and passwords for others are in it.
        migrations: of app.db; which version it has.
        files: all but the manifest.
        models: that were installed; their files are not in it.
    """

    format: int
    version: str
    created: str
    device: str
    name: str
    secrets: bool
    migrations: list[str]
    files: list[Entry]
    models: list[Model]


def write(
    state_dir: Path, models: ModelStore, out: Path, *, secrets: bool = False, config: Path | None = None
) -> Manifest:
    """Write a backup, also beside a running daemon; the file is for this user alone.

    Args:
        state_dir: of the device.
        models: that are listed.
        out: is replaced when all is written.
        secrets: also put in what opens doors elsewhere: the broker's password and the key of the certificate.
        config: the configuration file, if there is one.

    Raises:
        StoreError: app.db cannot be read, or the backup not be written.
    """
    copy, plain, coming = (out.with_name(f"{out.name}.{part}") for part in ("db", "toml", "new"))
    try:
        if not (state_dir / DATABASE).is_file():
            raise StoreError(Phrase("errors.nothing_kept", "There is nothing to back up in {place}.", place=state_dir))
        copy_database(state_dir / DATABASE, copy)
        files = {DATABASE: copy, **dict(_beside(state_dir, secrets=secrets))}
        if config is not None:
            files[CONFIG] = config if secrets else _without_password(config, plain)
        manifest = _manifest(copy, files, models, secrets=secrets)
        _pack(coming, manifest, files)
        rename_durably(coming, out)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            Phrase("errors.backup_unwritten", "The backup {file} cannot be written: {why}.", file=out, why=error)
        ) from error
    finally:
        for path in (copy, plain, coming):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
    return manifest


def names_allowed(name: str) -> bool:
    """Tell whether a backup may have a file of this name."""
    folder, _, file = name.rpartition("/")
    if folder:
        return folder in FOLDERS and "/" not in file and file not in {"", ".", ".."}
    return name in {DATABASE, CONFIG, *FILES, *SECRETS}


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _beside(state_dir: Path, *, secrets: bool) -> Iterator[tuple[str, Path]]:
    for name in (*FILES, *(SECRETS if secrets else ())):
        if (state_dir / name).is_file():
            yield name, state_dir / name
    for folder in FOLDERS:
        for path in sorted((state_dir / folder).glob("*")):
            if path.is_file() and not path.is_symlink():
                yield f"{folder}/{path.name}", path


def _without_password(config: Path, copy: Path) -> Path:
    """Return a copy of the configuration file; addresses in it lose their user names and passwords."""
    copy.unlink(missing_ok=True)
    copy.touch(0o600)
    copy.write_text(_CREDENTIALS.sub("://", config.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


def _manifest(copy: Path, files: dict[str, Path], models: ModelStore, *, secrets: bool) -> Manifest:
    with contextlib.closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("DELETE FROM device WHERE key = 'claim_code'")  # it is for the next half hour
        device = dict(connection.execute("SELECT key, value FROM device").fetchall())
        migrations = [name for (name,) in connection.execute(_MIGRATIONS)]
    return Manifest(
        FORMAT,
        VERSION,
        dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        device.get("id", ""),
        device.get("name", ""),
        secrets,
        migrations,
        [Entry(name, path.stat().st_size, digest(path)) for name, path in files.items()],
        [_listed(model) for model in models.everything()],
    )


def _listed(model: InstalledModel) -> Model:
    return Model(model.name, model.source, model.bytes, model.sha256)


def _pack(out: Path, manifest: Manifest, files: dict[str, Path]) -> None:
    out.unlink(missing_ok=True)
    with os.fdopen(os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
            content = msgspec.json.format(msgspec.json.encode(manifest))
            _add(archive, MANIFEST, len(content), io.BytesIO(content))
            for entry in manifest.files:
                with files[entry.name].open("rb") as source:
                    _add(archive, entry.name, entry.bytes, source)
        file.flush()
        os.fsync(file.fileno())


def _add(archive: tarfile.TarFile, name: str, size: int, source: io.BufferedIOBase) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    archive.addfile(member, source)
