"""The smallest model that has ever worked here: what is left to run when everything else crashes."""

from collections.abc import Collection

from agent.chooser import Chooser
from agent.inference.set_aside import identify
from agent.models import InstalledModel
from agent.survey import build


def smallest(chooser: Chooser, barred: Collection[str] = ()) -> str:
    """Return the name of the smallest model that has answered before, or of the smallest one; empty without any.

    Args:
        chooser: knows the models.
        barred: names of models that may not run.
    """
    models = [model for model in chooser.store.installed() if model.name not in barred and _runs(model, chooser)]
    found = min(models, key=lambda model: (not _worked(model, chooser), model.bytes), default=None)
    return found.name if found else ""


def _runs(model: InstalledModel, chooser: Chooser) -> bool:
    """Tell whether it may be run as far as settings and experience go."""
    engine = chooser.config.engine
    if engine not in {"auto", model.engine} and not (engine == "genai" and model.format == "onnx"):
        return False
    verdict = chooser.set_aside.verdict(_known_as(model, chooser), build(model.engine))
    return verdict is None or not verdict.aside or verdict.works


def _worked(model: InstalledModel, chooser: Chooser) -> bool:
    return chooser.measurements.ran(_known_as(model, chooser))


def _known_as(model: InstalledModel, chooser: Chooser) -> str:
    try:
        return identify(chooser.store.path(model))
    except OSError:  # removed since it was listed
        return ""
