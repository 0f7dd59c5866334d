"""The parts of a bundle on their way to the disk: written beside everything that is in use, then checked."""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.bundles import merging
from agent.bundles.journal import Step
from agent.bundles.manifest import Manifest, Part
from agent.bundles.place import Place
from agent.bundles.reading import Bundle
from agent.catalog import load_catalog
from agent.durable import write_atomically
from agent.errors import BundleError, ConfigError, EdgewiseError
from agent.gguf import read_header
from agent.models import embedder
from agent.models.disk import disk_errors
from agent.models.files import FetchedFile, SourceFile
from agent.models.installed import InstalledModel, describe, describe_folder, read_model, write_model
from agent.models.needed import needed
from agent.models.progress import Meter
from agent.onnx import read_folder
from agent.phrase import Phrase
from agent.profiles import load_profiles


@dataclass(frozen=True)
class Staging:
    """What one bundle brings to a device."""

    place: Place
    manifest: Manifest

    def here(self) -> set[str]:
        """Return the names of the models that are installed already, file by file as they are brought."""
        return {name for name, parts in self.manifest.models().items() if self._is_here(name, parts)}

    def bytes_for(self) -> dict[Path, int]:
        """Return the bytes that are to be written, by directory."""
        here = self.here()
        new = [part for part in self.manifest.parts if part.kind != "model" or part.name not in here]
        models = sum(part.bytes for part in new if part.kind == "model")
        others = sum(part.bytes for part in new if part.kind != "model")
        return {self.place.config.models_dir: models, self.place.base: others}

    def receive(self, bundle: Bundle, meter: Meter) -> None:
        """Write all parts that are not here; those that are, are only compared with what was signed.

        Raises:
            BundleError: the bundle is not what was signed.
            DownloadError: the disk is full or broken.
        """
        here, done, whole = self.here(), 0, self.manifest.bytes
        for part, content in bundle.parts():
            meter.part(done, whole)
            if part.kind == "model" and part.name in here:
                for chunk in content:
                    done += len(chunk)
            else:
                done += self._write(part, content, meter)
        meter.part(0, None)

    def steps(self) -> list[Step]:
        """Check everything that has arrived, and return what is to be switched.

        Raises:
            BundleError: something cannot be used.
        """
        here = self.here()
        found = []
        for name, parts in self.manifest.models().items():
            if name not in here:
                self._check_model(name, parts)
                found.append(self._step(parts[0]))
        self._check_texts()
        others = [part for part in self.manifest.parts if part.kind in {"profile", "family", "wheel"}]
        found += [self._step(part) for part in others]
        return [*found, *self._settings()]

    def _is_here(self, name: str, parts: list[Part]) -> bool:
        model = read_model(self.place.config.models_dir / name)
        wanted = {(part.file, part.sha256) for part in parts}
        return model is not None and {(file.name, file.sha256) for file in model.parts} == wanted

    def _write(self, part: Part, content: Iterator[bytes], meter: Meter) -> int:
        path, done = self._path(part), 0
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("xb")
        with file:
            for chunk in content:
                with disk_errors(path):
                    file.write(chunk)
                done += len(chunk)
                meter.report("copying", done, part.bytes)
            with disk_errors(path):
                file.flush()
                os.fsync(file.fileno())
        return done

    def _path(self, part: Part) -> Path:
        place = self.place.aside(part, "new")
        return place / part.file if part.kind == "model" else place

    def _step(self, part: Part) -> Step:
        place = self.place
        return Step(str(place.target(part)), str(place.aside(part, "new")), str(place.aside(part, "old")))

    def _check_model(self, name: str, parts: list[Part]) -> None:
        """Let only a sound model count, as the downloader does."""
        directory = self.place.aside(parts[0], "new")
        try:
            write_model(directory, _described(name, parts, directory))
        except EdgewiseError as error:
            raise BundleError(
                Phrase(
                    "bundles.bad_model",
                    "The model {name} in it cannot be used: {error}",
                    name=name,
                    error=error.message,
                )
            ) from error

    def _check_texts(self) -> None:
        """Read all profiles and families as the next start will: with those that are here."""
        config = self.place.config
        try:
            if profiles := self.manifest.of_kind("profile"):
                load_profiles(self._path(profiles[0]).parent)
            if families := self.manifest.of_kind("family"):
                ours, *owners = config.directories("families")
                load_catalog(ours, self._path(families[0]).parent, *owners)
        except ConfigError as error:
            raise BundleError(
                Phrase("bundles.bad_text", "A profile or a family in it cannot be used: {error}", error=error.message)
            ) from error

    def _settings(self) -> list[Step]:
        """Merge the settings into a copy of the configuration file, beside it."""
        parts, file = self.manifest.of_kind("config"), self.place.file
        if not parts:
            return []
        path = self._path(parts[0])
        given = merging.settings_of(path.read_text(encoding="utf-8", errors="replace"), self.place.config)
        if file is None or not os.access(file.parent, os.W_OK):
            raise BundleError(
                Phrase(
                    "bundles.no_file", "It changes settings, and there is no configuration file that can be written."
                ),
                hint=Phrase(
                    "bundles.no_file_hint", "apply it as root with `edgewise bundle apply`; the file must exist"
                ),
            )
        new = file.with_name(f".{file.name}.{self.place.run}.new")
        with disk_errors(new):
            write_atomically(new, merging.merge(file, given).encode())
            new.chmod(file.stat().st_mode & 0o777)
        return [Step(str(file), str(new), str(self.place.aside(parts[0], "old")))]


def _described(name: str, parts: list[Part], directory: Path) -> InstalledModel:
    """Return what `model.json` says about a model, after everything in it was checked."""
    first = parts[0]
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    source = SourceFile(first.source or f"bundle:{name}", name, first.file, licence=first.licence)
    fetched = [FetchedFile(directory / part.file, part.bytes, part.sha256) for part in parts]
    if len(parts) == 1 and first.file.endswith(".gguf"):
        return describe(source, fetched[0], read_header(fetched[0].path), now)
    names = [part.file for part in parts]
    if set(needed(names)) != set(names):
        raise BundleError(Phrase("bundles.more_files", "It has files that do not belong to a model."))
    if embedder.is_encoder(directory):
        embedder.check(directory)
        return embedder.describe(source, directory, fetched, now)
    return describe_folder(source, directory, fetched, read_folder(directory), now)
