from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.catalog import File, Model, Published, load_catalog
from agent.gguf import read_header
from agent.shape.header import shape_of
from agent.shape.published import shape_from
from agent.shape.repack import repacked
from benchmarks import models

CATALOG = {model.name: model for model in load_catalog()}
ARM = ("asimddp",)


def published(model: Model) -> Published:
    assert model.shape
    return model.shape


@pytest.mark.parametrize("name", [model.name for model in CATALOG.values() if model.shape])
def test_the_weights_add_up_to_the_file(name: str) -> None:
    for file in CATALOG[name].files:
        shape = shape_from(published(CATALOG[name]), file)
        metadata = 64 * shape.vocabulary
        assert file.bytes - metadata <= shape.weight_bytes <= file.bytes


def test_the_starter_is_in_the_catalogue_as_it_is_in_its_file(starter: Path) -> None:
    real = shape_of(read_header(starter))
    entry = CATALOG["smollm2-135m"]
    shape = shape_from(published(entry), File("starter", "Q4_1", starter.stat().st_size))
    assert shape.attention == real.attention
    assert {(group.role, group.type) for group in shape.weights} == {(group.role, group.type) for group in real.weights}
    assert shape.weight_bytes == pytest.approx(real.weight_bytes, rel=0.01)


@pytest.mark.parametrize("name", ["qwen3-0.6b-Q4_0", "qwen3-0.6b-Q4_K_M", "gemma-3-1b-Q8_0"])
def test_what_is_repacked_is_known_before_the_file_is_here(tmp_path: Path, name: str) -> None:
    path = tmp_path / "hollow.gguf"
    models.write(models.RECIPES[name], path, hollow=True)
    model, _, quantization = name.rpartition("-")
    real = shape_of(read_header(path))
    shape = shape_from(published(CATALOG[model]), File("", quantization, path.stat().st_size))
    copies, real_copies = (sum(group.bytes for group in s.weights if repacked(ARM, group)) for s in (shape, real))
    assert copies == pytest.approx(real_copies, rel=0.03)
    assert set(shape.attention) == set(real.attention)


def test_a_tied_model_whose_file_is_larger_stores_its_table_twice() -> None:
    entry = published(CATALOG["qwen2.5-0.5b"])
    usual = shape_from(entry, File("", "Q4_K_M", 397_800_000))
    official = shape_from(entry, File("", "Q4_K_M", 491_400_000))
    assert "tied" in {group.role for group in usual.weights}
    assert {"table", "output"} <= {group.role for group in official.weights}
    assert "tied" not in {group.role for group in official.weights}


def test_a_size_that_cannot_be_is_no_error() -> None:
    entry = published(CATALOG["qwen3-0.6b"])
    assert shape_from(entry, File("", "Q4_0", 0)).weight_bytes >= 0
    assert shape_from(replace(entry, parameters=0, active=0), File("", "Q4_0", 10**9)).weight_bytes <= 10**9
