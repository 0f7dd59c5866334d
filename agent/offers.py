"""The files that selection may choose from: the catalogue's, and those that are installed."""

import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.catalog import File, Model, Quality
from agent.errors import ModelFileError
from agent.gguf import Header, read_header
from agent.models import InstalledModel, ModelStore
from agent.selection.machine import Offer
from agent.shape import Shape
from agent.shape.header import shape_of
from agent.shape.published import shape_from

logger = logging.getLogger(__name__)


def offers(catalog: Sequence[Model], store: ModelStore) -> list[Offer]:
    """Return an offer for the best source of each quantization, and one for everything installed."""
    installed = {model.name: model for model in store.installed()}
    found = []
    for model, file in _best_sources(catalog):
        here = next((known for known in installed.values() if _same(file, known)), None)
        if here:
            del installed[here.name]
        found.append(Offer(model, file, _shape(model, file, store, here), here.name if here else ""))
    found += [unlisted(model, store) for model in installed.values()]
    return found


def unlisted(installed: InstalledModel, store: ModelStore) -> Offer:
    """Return an offer for a model that the catalogue does not know; its quality is guessed from its size."""
    path = store.path(installed)
    return local(installed.name, path, read_header(path))


def local(name: str, path: Path, header: Header) -> Offer:
    """Return an offer for a file on this computer that the catalogue does not know."""
    model = Model(
        name=name,
        title=name,
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
        reference=str(path), quantization=header.quantization, bytes=path.stat().st_size, exact=True, verified=True
    )
    return Offer(model, file, shape_of(header), installed=name)


def guessed_quality(parameters: int) -> float:
    """Return a score for a model of which nothing but its size is known.

    A line through the catalogue's published scores over the logarithm of their sizes: 15 at 0.5 billion parameters,
    55 at 8 billion; a stranger is taken to be below average, by the points that estimates lose anyway.
    """
    return max(1.0, 25.0 + 10.0 * math.log2(max(parameters, 1) / 1e9))


def _best_sources(catalog: Sequence[Model]) -> Iterator[tuple[Model, File]]:
    for model in catalog:
        seen: set[tuple[str, bool]] = set()
        for file in model.files:
            if (key := (file.quantization, file.trained)) not in seen:
                seen.add(key)
                yield model, file
        if not model.files:  # nothing to install, but something to explain
            yield model, File(reference="", quantization="", bytes=0)


def _same(file: File, installed: InstalledModel) -> bool:
    return file.reference == installed.source or (bool(file.sha256) and file.sha256 == installed.sha256)


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
