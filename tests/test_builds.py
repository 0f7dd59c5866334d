"""Offers for ONNX Runtime: what the catalogue knows, and what was made of a file that is here."""

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agent.builds import as_converted, with_builds
from agent.catalog import Model, OnnxBuild, load_catalog
from agent.config import Config
from agent.models import ModelStore
from agent.models.installed import InstalledFile, InstalledModel, write_model
from agent.offers import offers
from agent.selection import Offer, select
from agent.shape.published_onnx import onnx_shape_from
from tests.selection.making import CHAT, machine, model, offer, place

CATALOG = load_catalog()
GIB, MB = 2**30, 10**6


def built(of: Model, *builds: OnnxBuild) -> list[Offer]:
    of = msgspec.structs.replace(of, onnx=list(builds))
    return with_builds([of], [offer(of)])[1:]


def known(name: str) -> Model:
    return next(found for found in CATALOG if found.name == name)


@pytest.mark.parametrize(
    ("name", "layout", "published"),
    [
        ("phi-3-mini-4k", "genai", 2.53 * GIB),
        ("phi-4", "genai", 10.16 * GIB),
        ("qwen3-0.6b", "transformers.js", 919 * MB),
        ("qwen3-1.7b", "transformers.js", 2147 * MB),
    ],
)
def test_the_size_of_a_build_follows_from_the_shape_of_its_model(name: str, layout: str, published: float) -> None:
    shape = known(name).shape
    assert shape is not None
    assert onnx_shape_from(shape, layout).weight_bytes == pytest.approx(published, rel=0.03)  # type: ignore[arg-type]


def test_every_build_of_the_catalogue_is_offered_once_or_has_a_reason() -> None:
    found = [entry for entry in with_builds(CATALOG, []) if entry.engine == "onnx"]
    assert {entry.model.name for entry in found} == {entry.name for entry in CATALOG if entry.onnx and entry.shape}
    assert len({entry.model.name for entry in found}) == len(found)
    assert all(entry.trouble or entry.file.reference.startswith("hf:") for entry in found)
    assert {entry.file.quantization for entry in found} == {"int4"}


def test_a_build_is_installed_from_its_folder_or_by_its_graph_and_revision() -> None:
    folder = OnnxBuild("hf:acme/it/cpu-int4", "genai")
    graphs = OnnxBuild("hf:acme/it@abc", "transformers.js")
    assert [found.file.reference for found in built(model(), folder)] == ["hf:acme/it/cpu-int4"]
    assert [found.file.reference for found in built(model(), graphs)] == ["hf:acme/it:q4@abc"]


def test_what_is_published_in_foundry_only_cannot_be_installed_and_says_so() -> None:
    foundry = OnnxBuild("foundry:it", "genai")
    (only,) = built(model(), foundry)
    assert only.trouble == "for ONNX Runtime it is published only in Foundry Local's catalogue"
    (other,) = built(model(), foundry, OnnxBuild("hf:acme/it/cpu", "genai"))
    assert (other.trouble, other.file.reference) == ("", "hf:acme/it/cpu")


def test_builds_for_other_devices_are_not_offered_for_the_processor() -> None:
    assert built(model(), OnnxBuild("hf:acme/it/gpu", "genai", device="gpu")) == []


def test_a_model_that_llama_cpp_cannot_run_is_judged_by_its_build() -> None:
    entries = with_builds(CATALOG, offers(CATALOG, ModelStore(Path("nowhere"))))
    (found,) = (entry for entry in entries if entry.model.name == "phi-4-multimodal")
    assert found.trouble == "is a pipeline of graphs for images, speech and text, which the ONNX engine does not run"
    runs = msgspec.structs.replace(found.model, onnx=[OnnxBuild("hf:acme/it", "genai")], restrictions="")
    (entry,) = select(with_builds([runs], []), machine(), CHAT).considered[1:]
    assert "llama.cpp" not in entry.reason


def test_a_build_that_is_here_is_not_offered_once_more() -> None:
    of = msgspec.structs.replace(model(), onnx=[OnnxBuild("hf:acme/it", "genai")])
    (found,) = with_builds([of], [])
    here = replace(found, installed="mine")
    assert with_builds([of], [here]) == [here]


def put(store: ModelStore, folder: Path, name: str, source: str) -> None:
    """Have a folder count as installed."""
    shutil.copytree(folder, store.root / name)
    parts = tuple(InstalledFile(file.name, file.stat().st_size, "") for file in sorted(folder.iterdir()))
    size = sum(part.bytes for part in parts)
    described = InstalledModel(
        name, "model.onnx", size, "", source, "", "qwen3", "int4", 1, 1, format="onnx", files=parts
    )
    write_model(store.root / name, described)


def test_what_was_converted_from_a_file_here_is_the_same_model(tmp_path: Path, starter: Path, onnx_zoo: Path) -> None:
    config = Config(state_dir=tmp_path)
    store = ModelStore(config.models_dir)
    place(store, starter, "a-gguf", "somewhere")
    made_of = {"made": store.path(store.find("a-gguf")), "other": tmp_path / "other.gguf"}
    for name, source in made_of.items():
        put(store, onnx_zoo / "qwen3", name, str(source))
    found = {entry.installed: entry for entry in as_converted(offers([], store), store)}
    assert found["made"].model == found["a-gguf"].model
    assert found["other"].model.name == "other"
