"""The models that make embeddings, as lists of models show them: beside those that chat, and never among them."""

from typing import Literal, TypeAlias

import msgspec

from agent.config import Config
from agent.models import ModelStore, embedder

State: TypeAlias = Literal["missing", "here", "running"]


class EmbeddingModel(msgspec.Struct, frozen=True):
    """One of them.

    Attributes:
        name: of the model, and of its directory once it is here.
        reference: what installs it.
        bytes: of its files, or of what is to be downloaded.
        licence: as the source names it.
        state: `missing`; `here`; `running` while its process is there.
        installed_at: UTC, ISO 8601; empty while it is missing.
        context_length: tokens of a text at most; 0 while it is missing.
        kind: what it is for.
    """

    name: str
    reference: str
    bytes: int
    licence: str
    state: State
    installed_at: str = ""
    context_length: int = 0
    kind: Literal["embeddings"] = "embeddings"


def listed(config: Config, models: ModelStore, *, running: bool = False) -> list[EmbeddingModel]:
    """Return those that are here, and the usual one also while it is missing, unless embeddings are switched off.

    Args:
        config: settings.
        models: what is installed.
        running: whether the usual one has a process.
    """
    here = [model for model in models.everything() if model.format == "encoder"]
    found = [
        EmbeddingModel(
            name=model.name,
            reference=model.source,
            bytes=model.bytes,
            licence=model.licence,
            state="running" if running and model.name == embedder.NAME else "here",
            installed_at=model.installed_at,
            context_length=model.context_length,
        )
        for model in here
    ]
    if config.embeddings == "off" or embedder.NAME in {model.name for model in here}:
        return found
    usual = EmbeddingModel(embedder.NAME, embedder.EMBEDDINGS, embedder.WHEEL_SIZE, embedder.LICENCE, "missing")
    return [usual, *found]
