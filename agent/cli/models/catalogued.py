"""What the catalogue knows of a model that is to be pulled: its best file for this computer, and its licence."""

import asyncio
import difflib
from collections.abc import Sequence

from msgspec.structs import replace

from agent.catalog import Model
from agent.cli.choosing import chooser
from agent.config import Config
from agent.errors import ModelNotFoundError
from agent.models.starter import STARTER


def resolve(wanted: str, catalog: Sequence[Model], config: Config) -> str:
    """Return the reference to pull: a name of the catalogue means its best file for this computer.

    Raises:
        ModelNotFoundError: the catalogue has no file of this model that can be run.
    """
    models = {model.name: model for model in catalog}
    if wanted not in models:
        close = difflib.get_close_matches(wanted, models, 3, 0.7)
        if close and not _is_reference(wanted):
            raise ModelNotFoundError(f"There is no model {wanted!r}.", hint=f"The catalogue has {', '.join(close)}.")
        return wanted
    model = models[wanted]
    if model.unsupported or not model.files:
        reason = (model.unsupported or "No file of it is known.").rstrip(".")
        raise ModelNotFoundError(
            f"{model.title} cannot be installed: {reason}.", hint="`edgewise select` names others."
        )
    return _best(model, config)


def conditions(reference: str, catalog: Sequence[Model]) -> list[str]:
    """Return what one should read before a download: the licence, where it has conditions, and what is to be noted."""
    model = next((model for model in catalog if any(file.reference == reference for file in model.files)), None)
    if model is None:
        return []
    lines = (
        [f"{model.title} comes with the licence {model.licence}: {model.restrictions}"] if model.restrictions else []
    )
    return [*lines, f"Note: {model.note}"] if model.note else lines


def _best(model: Model, config: Config) -> str:
    """Return the file that scores best here; what fits comes before what is slow, and that before what is too large."""
    anything = replace(config, licences="any", model="")  # the user asks for this one by name
    selection = asyncio.run(chooser(anything).choose(remember=False))
    for entry in selection.considered:
        if entry.model == model.name and entry.file and entry.verdict != "unsuitable":
            return entry.file
    return model.files[0].reference


def _is_reference(text: str) -> bool:
    return text == STARTER or any(sign in text for sign in (":", "/", ".gguf"))
