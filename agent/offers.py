"""The files that selection may choose from: the catalogue's, and those that are installed."""

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from agent.catalog import File, Model, Quality
from agent.errors import ModelFileError
from agent.gguf import Header, read_header
from agent.gguf.title import title_of
from agent.models import InstalledModel, ModelStore
from agent.selection.machine import Offer
from agent.shape import Shape
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
    found += filter(None, (unlisted(model, store) for model in installed.values()))
    return found


def unlisted(installed: InstalledModel, store: ModelStore) -> Offer | None:
    """Return an offer for a model that the catalogue does not know, its quality guessed from its size.

    None when its file cannot be read.
    """
    path = store.path(installed)
    try:
        return local(installed.name, path, read_header(path))
    except ModelFileError as error:
        logger.warning("%s", error.message)
        return None


def local(name: str, path: Path, header: Header) -> Offer:
    """Return an offer for a file on this computer that the catalogue does not know.

    Raises:
        ModelFileError: a hyperparameter is absurd.
    """
    model = Model(
        name=name,
        title=title_of(header, path.stem),
        publisher="",
        released="",
        licence="unknown",
        use=["chat", "code", "math"],
        thinking="never",
        quality=Quality(
            score=guessed_quality(header.parameter_count), source="guessed from its size", estimated=True, mode="answer"
        ),
        shape=None,
        files=[],
    )
    file = File(
        reference=str(path), quantization=header.quantization, bytes=header.file_size, exact=True, verified=True
    )
    return Offer(model, file, shape_of(header), installed=name)


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


def _arrived(store: ModelStore) -> dict[str, int]:
    """Return by reference the bytes that interrupted downloads have left."""
    try:
        return {part.source: part.bytes for part in store.unfinished() if part.source}
    except OSError as error:  # somebody else's download ended at this moment
        logger.debug("What has arrived cannot be read: %s", error)
        return {}


def _shape(model: Model, file: File, store: ModelStore, here: InstalledModel | None) -> Shape | None:
    if here and (exact := _header_shape(store.path(here))):
        return exact
    return shape_from(model.shape, file) if model.shape else None


def _header_shape(path: Path) -> Shape | None:
    try:
        return shape_of(read_header(path))
    except ModelFileError as error:
        logger.warning("%s", error.message)
        return None
