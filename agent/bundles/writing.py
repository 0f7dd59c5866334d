"""Makes bundles: reads what is to go in, describes it, signs that, and writes one file."""

import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.bundles import archive
from agent.bundles import manifest as manifests
from agent.bundles.manifest import Kind, Manifest, Part
from agent.bundles.minisign import write_signature
from agent.bundles.secret_key import SecretKey
from agent.durable import rename_durably
from agent.errors import BundleError
from agent.models import InstalledModel, ModelStore
from agent.models.names import model_name
from agent.models.needed import needed
from agent.models.progress import Meter, Progress, ignore
from agent.onnx import is_onnx
from agent.phrase import Phrase

_CHUNK = 1 << 20
_KINDS: tuple[Kind, ...] = ("model", "profile", "family", "config", "wheel")


@dataclass(frozen=True)
class Ingredient:
    """A file that goes into a bundle."""

    kind: Kind
    name: str
    file: str
    path: Path
    source: str = ""
    licence: str = ""


def ingredients(given: str, store: ModelStore) -> list[Ingredient]:
    """Return the files that are meant by `KIND:PATH`, by the path of a model or wheel, or by an installed model's name.

    Raises:
        BundleError: there is no such file, or nobody can tell what it is for.
        ModelNotFoundError: no such model is installed.
    """
    before, _, after = given.partition(":")
    kind = next((each for each in _KINDS if each == before), None)
    path = Path(after if kind else given).expanduser()
    if kind in {None, "model"} and not path.exists():
        model = store.find(after if kind else given, any_kind=True)
        return _installed(store.root / model.name, model)
    if kind is None:
        kind = "wheel" if path.suffix == ".whl" else "model" if path.suffix == ".gguf" or is_onnx(path) else None
    if kind is None or not path.exists():
        raise BundleError(
            Phrase("bundles.no_part", "{given} cannot be put into a bundle.", given=given),
            hint="model:PATH or model:NAME, profile:FILE.toml, family:FILE.toml, config:FILE.toml, wheel:FILE.whl",
        )
    if path.is_dir():
        return _folder(path)
    name = model_name(path.name if kind in {"model", "wheel"} else path.stem)
    return [Ingredient(kind, name, path.name, path)]


def describe(
    wanted: Manifest,
    found: Iterable[Ingredient],
    on_progress: Callable[[Progress], None] = ignore,
    *,
    serve: str = "",
) -> Manifest:
    """Return a manifest with these parts, which are read and hashed.

    Args:
        wanted: everything else.
        found: what goes in.
        on_progress: is told how far it is.
        serve: name of the model among them that is to serve.

    Raises:
        BundleError: a file cannot be read, or two would overwrite each other.
    """
    meter = Meter(on_progress)
    parts = [_hashed(each, meter) for each in found]
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    whole = {**msgspec.structs.asdict(wanted), "parts": parts, "created": now, "serve": serve}
    return manifests.decode(msgspec.json.encode(whole))


def write(
    out: Path,
    manifest: Manifest,
    files: Sequence[Path],
    key: SecretKey,
    on_progress: Callable[[Progress], None] = ignore,
) -> None:
    """Write a signed bundle.

    Args:
        out: is replaced when all is written.
        manifest: describes the files.
        files: in the order of its parts.
        key: signs it.
        on_progress: is told how far it is.

    Raises:
        BundleError: a file cannot be read, has changed since it was described, or the bundle cannot be written.
    """
    written = manifests.encode(manifest)
    comment = f"{manifest.name} {manifest.version}\tcreated:{manifest.created}"
    signature = write_signature(key.sign(written, comment)).encode()
    meter, temporary = Meter(on_progress), out.with_name(out.name + ".new")
    try:
        with temporary.open("wb") as target:
            target.write(_member(archive.MANIFEST, written) + _member(archive.SIGNATURE, signature))
            done = 0
            for number, (part, path) in enumerate(zip(manifest.parts, files, strict=True)):
                meter.part(done, manifest.bytes)
                target.write(archive.header(archive.part_name(number), part.bytes))
                if _copy(path, target.write, part, meter) != part.sha256:
                    raise BundleError(Phrase("bundles.part_changes", "{path} changes while it is read.", path=path))
                target.write(bytes(archive.padding(part.bytes)))
                done += part.bytes
            target.write(archive.END)
            target.flush()
            os.fsync(target.fileno())
        rename_durably(temporary, out)
    except OSError as error:
        raise _unwritable(out, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _installed(directory: Path, model: InstalledModel) -> list[Ingredient]:
    return [
        Ingredient("model", model.name, file.name, directory / file.name, model.source, model.licence)
        for file in model.parts
    ]


def _folder(path: Path) -> list[Ingredient]:
    name = model_name(path.resolve().name)
    names = [each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file()]
    return [Ingredient("model", name, each, path / each) for each in needed(names)]


def _hashed(found: Ingredient, meter: Meter) -> Part:
    digest = hashlib.sha256()
    try:
        size = found.path.stat().st_size
        with found.path.open("rb") as file:
            done = 0
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                done += len(chunk)
                meter.report("checking", done, size)
    except OSError as error:
        raise _unreadable(found.path, error) from error
    try:
        return Part(found.kind, found.name, found.file, done, digest.hexdigest(), found.source, found.licence)
    except ValueError as error:
        raise BundleError(
            Phrase("bundles.manifest", "Its manifest cannot be used: {error}.", error=str(error))
        ) from error


def _copy(path: Path, sink: Callable[[bytes], object], part: Part, meter: Meter) -> str:
    digest, done = hashlib.sha256(), 0
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        while chunk := file.read(min(_CHUNK, part.bytes - done)):
            digest.update(chunk)
            sink(chunk)
            done += len(chunk)
            meter.report("copying", done, part.bytes)
    return digest.hexdigest()


def _member(name: str, content: bytes) -> bytes:
    return archive.header(name, len(content)) + content + bytes(archive.padding(len(content)))


def _unreadable(path: Path, error: OSError) -> BundleError:
    return BundleError(
        Phrase("bundles.unreadable", "{path} cannot be read: {reason}.", path=path, reason=error.strerror)
    )


def _unwritable(path: Path, error: OSError) -> BundleError:
    return BundleError(
        Phrase("bundles.out_unwritable", "{path} cannot be written: {reason}.", path=path, reason=error.strerror)
    )
