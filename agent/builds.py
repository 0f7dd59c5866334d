"""Offers for ONNX Runtime: builds that the catalogue knows, and what was made of a GGUF file that is here."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agent.catalog import File, Model, OnnxBuild
from agent.models import ModelStore
from agent.phrase import Phrase
from agent.selection.machine import Offer
from agent.shape.published_onnx import onnx_shape_from

_FOUNDRY = "foundry:"
_ONLY_FOUNDRY = Phrase("reasons.only_foundry", "for ONNX Runtime it is published only in Foundry Local's catalogue")


def with_builds(catalog: Iterable[Model], offers: Sequence[Offer]) -> list[Offer]:
    """Return the offers, and one more for the best build of each model of which none is here.

    Of a model for which there is no file at all, what can be said about its build says more than that.
    """
    here = {offer.model.name for offer in offers if offer.shape and offer.shape.format == "onnx"}
    builds = [found for model in catalog if model.name not in here and (found := _offer(model))]
    better = {offer.model.name for offer in builds}
    return [*(offer for offer in offers if offer.file.reference or offer.model.name not in better), *builds]


def as_converted(offers: Sequence[Offer], store: ModelStore) -> list[Offer]:
    """Return the offers; what was made of a file that is here is the same model."""
    models = {offer.installed: offer.model for offer in offers if offer.installed}
    installed = store.installed()
    names = {str(store.path(model)): model.name for model in installed if model.format == "gguf"}
    made_of = {model.name: names.get(model.source, "") for model in installed if model.format == "onnx"}
    return [replace(offer, model=models.get(made_of.get(offer.installed, ""), offer.model)) for offer in offers]


def run_by(engine: str, offers: Sequence[Offer]) -> list[Offer]:
    """Return the offers; what ONNX Runtime runs is left to onnxruntime-genai where the user wants that engine."""
    if engine != "genai":
        return list(offers)
    return [replace(offer, runner="genai") if offer.engine == "onnx" else offer for offer in offers]


def _offer(model: Model) -> Offer | None:
    """Return an offer for the first build of a model that can be run on a processor, or else says why it cannot."""
    builds = [build for build in model.onnx if build.device == "cpu"]
    if not builds or model.shape is None:
        return None
    build = min(builds, key=lambda build: bool(_trouble(build)))
    shape = onnx_shape_from(model.shape, build.layout)
    file = File(reference=_reference(build), quantization="int4", bytes=shape.weight_bytes)
    return Offer(model, file, shape, trouble=_trouble(build))


def _trouble(build: OnnxBuild) -> str:
    return _ONLY_FOUNDRY if build.reference.startswith(_FOUNDRY) else build.unsupported


def _reference(build: OnnxBuild) -> str:
    """Return the reference by which it is installed, which names one of several graphs."""
    if build.layout == "genai":
        return build.reference
    repository, at, revision = build.reference.partition("@")
    return f"{repository}:q4{at}{revision}"
