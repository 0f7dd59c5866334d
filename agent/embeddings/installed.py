"""The embedding model: what it is called, where it is, and how it gets here."""

from functools import lru_cache
from pathlib import Path

from agent.config import Config
from agent.downloads import Downloads
from agent.embeddings.encoder import Encoder, read_encoder
from agent.errors import EngineUnavailableError, ModelFileError
from agent.models import ModelStore
from agent.models.embedder import EMBEDDINGS, NAME
from agent.models.installed import read_model

_NAMES = {"", "default", NAME, f"sentence-transformers/{NAME}", EMBEDDINGS}
_PULL = f"Install it: `edgewise models pull {EMBEDDINGS}`."
_RETRY = 5  # seconds, said to clients while the model is on its way
_read = lru_cache(4)(read_encoder)


def answers_to(name: str) -> bool:
    """Tell whether a request for this model name is for the embedding model."""
    return name.lower() in _NAMES


def find(models: ModelStore) -> Encoder | None:
    """Return the model that is installed, or None."""
    folder = _folder(models)
    try:
        return _read(folder) if folder is not None else None
    except ModelFileError:
        return None  # who asks for vectors is told


def require_installed(config: Config, models: ModelStore, downloads: Downloads) -> Encoder:
    """Return the model that is installed; when there is none, have it fetched if that is allowed.

    Raises:
        EngineUnavailableError: it is not here; says whether it is on its way, and what to do if not.
    """
    folder = _folder(models)
    if folder is None:
        raise _fetch(config, downloads)
    try:
        return _read(folder)
    except ModelFileError as error:
        raise EngineUnavailableError(f"The embedding model is damaged: {error.message}", hint=error.hint) from error


def _folder(models: ModelStore) -> Path | None:
    folder = models.root / NAME
    model = read_model(folder)
    return folder if model is not None and model.format == "encoder" else None


def _fetch(config: Config, downloads: Downloads) -> EngineUnavailableError:
    """Begin or go on with the download, and return what to say meanwhile."""
    if config.offline or not config.fetch_models:
        return EngineUnavailableError("The embedding model is not installed.", hint=_PULL)
    known = next((each for each in downloads.all() if each.reference == EMBEDDINGS), None)
    if known is not None and known.state == "paused":
        return EngineUnavailableError("The download of the embedding model is paused.", hint=_PULL)
    if known is not None and known.state == "failed":
        message = f"The embedding model could not be downloaded: {known.error}"
        downloads.resume(known.id)
        return EngineUnavailableError(message, retry_after=_RETRY, hint=known.hint)
    if known is None or known.state == "done":
        downloads.start(EMBEDDINGS, NAME)
    return EngineUnavailableError("The embedding model is being downloaded.", retry_after=_RETRY)
