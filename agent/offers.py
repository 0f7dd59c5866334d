"""The files that selection may choose from: the catalogue's, and those that are installed."""

import logging
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from agent.catalog import File, Model, Quality
from agent.errors import ModelFileError
from agent.gguf import Header, read_header
from agent.gguf.title import readable, title_of
from agent.models import InstalledModel, ModelStore
from agent.onnx import ModelFolder, is_onnx, read_folder
from agent.selection.machine import Offer
from agent.shape import Shape
from agent.shape import onnx as onnx_shape
from agent.shape.header import shape_of
from agent.shape.published import shape_from

logger = logging.getLogger(__name__)

_ALIKE = 0.05  # by which a size in the catalogue may be off, where it is not exact


def offers(catalog: Sequence[Model], store: ModelStore) -> list[Offer]:
    """Return an offer for the best source of each quantization, or the one that is installed, and for all else here.

    An installed file that cannot be read any more is left out.
    """
    installed = {model.name: model for model in store.installed()}
    arrived = _arrived(store)
    found = []
    for model, file, here in _best_sources(catalog, list(installed.values())):
        if here:
            installed.pop(here.name, None)
        shape = _shape(model, file, store, here)
        found.append(Offer(model, file, shape, here.name if here else "", arrived.get(file.reference, 0)))
    found += filter(None, (unlisted(model, store, catalog) for model in installed.values()))
    return found


def unlisted(installed: InstalledModel, store: ModelStore, catalog: Sequence[Model] = ()) -> Offer | None:
    """Return an offer for a model of which the catalogue has no file, its quality guessed from its size.

    Of a build for ONNX Runtime the catalogue knows the repository, and so the quality. None when it cannot be read.
    """
    try:
        offer = read_offer(installed.name, store.path(installed))
    except ModelFileError as error:
        logger.warning("%s", error.message)
        return None
    if model := _built_from(installed, catalog):
        return replace(offer, model=model, file=msgspec.structs.replace(offer.file, reference=installed.source))
    return offer


def read_offer(name: str, path: Path) -> Offer:
    """Return an offer for a model on this computer that the catalogue does not know.

    Raises:
        ModelFileError: it cannot be run.
    """
    return _folder(name, path, read_folder(path)) if is_onnx(path) else local(name, path, read_header(path))


def local(name: str, path: Path, header: Header) -> Offer:
    """Return an offer for a file on this computer that the catalogue does not know.

    Raises:
        ModelFileError: a hyperparameter is absurd.
    """
    model = _stranger(name, title_of(header, path.stem), header.parameter_count)
    return Offer(model, _file(path, header.quantization, header.file_size), shape_of(header), installed=name)


def _folder(name: str, path: Path, folder: ModelFolder) -> Offer:
    model = _stranger(name, readable(name), folder.parameter_count)
    runner = "genai" if folder.runner == "genai" else ""
    file, shape = _file(path, folder.quantization, folder.bytes), onnx_shape.shape_of(folder)
    return Offer(model, file, shape, installed=name, runner=runner)


def _file(path: Path, quantization: str, size: int) -> File:
    return File(reference=str(path), quantization=quantization, bytes=size, exact=True, verified=True)


def _stranger(name: str, title: str, parameters: int) -> Model:
    return Model(
        name=name,
        title=title,
        publisher="",
        released="",
        licence="unknown",
        use=["chat", "code", "math"],
        thinking="never",
        quality=Quality(
            score=guessed_quality(parameters), source="guessed from its size", estimated=True, mode="answer"
        ),
        shape=None,
        files=[],
    )


def guessed_quality(parameters: int) -> float:
    """Return a score for a model of which nothing but its size is known.

    A line through the catalogue's published scores over the logarithm of their sizes: 15 at 0.5 billion parameters,
    55 at 8 billion; a stranger is taken to be below average, by the points that estimates lose anyway.
    """
    return max(1.0, min(100.0, 25.0 + 10.0 * math.log2(max(parameters, 1) / 1e9)))


def _best_sources(
    catalog: Iterable[Model], installed: Sequence[InstalledModel]
) -> Iterator[tuple[Model, File, InstalledModel | None]]:
    """Yield one file for each quantization of each model, with what is installed of it: that one before others."""
    for model in catalog:
        sources: dict[tuple[str, bool], tuple[File, InstalledModel | None]] = {}
        for file in model.files:
            here = next((known for known in installed if _same(file, known)), None)
            known = sources.get((file.quantization, file.trained))
            if known is None or (here and not known[1]):
                sources[file.quantization, file.trained] = file, here
        if not model.files:  # nothing to install, but something to explain
            sources["", False] = File(reference="", quantization="", bytes=0), None
        yield from ((model, file, here) for file, here in sources.values())


def _same(file: File, installed: InstalledModel) -> bool:
    """Tell whether a file of the catalogue is installed, by whatever way it came: a hub, a mirror, a USB stick."""
    if file.reference == installed.source or (file.sha256 and file.sha256 == installed.sha256):
        return True
    if file.reference.rpartition("/")[2] != installed.file:
        return False
    return abs(installed.bytes - file.bytes) <= (0 if file.exact else _ALIKE * file.bytes)


def _built_from(installed: InstalledModel, catalog: Iterable[Model]) -> Model | None:
    """Return the model of the catalogue that has a build in the repository from which this one came."""
    repository = _repository(installed.source)
    builds = ((model, build.reference) for model in catalog for build in model.onnx if repository)
    return next((model for model, reference in builds if _repository(reference) == repository), None)


def _repository(reference: str) -> str:
    found = re.match(r"hf:[\w.-]+/[\w.-]+", reference)
    return found[0].lower() if found else ""


def _arrived(store: ModelStore) -> dict[str, int]:
    """Return by reference the bytes that interrupted downloads have left."""
    try:
        return {part.source: part.bytes for part in store.unfinished() if part.source}
    except OSError as error:  # somebody else's download ended at this moment
        logger.debug("What has arrived cannot be read: %s", error)
        return {}


def _shape(model: Model, file: File, store: ModelStore, here: InstalledModel | None) -> Shape | None:
    if here and here.format == "gguf" and (exact := _header_shape(store.path(here))):
        return exact
    return shape_from(model.shape, file) if model.shape else None


def _header_shape(path: Path) -> Shape | None:
    try:
        return shape_of(read_header(path))
    except ModelFileError as error:
        logger.warning("%s", error.message)
        return None
