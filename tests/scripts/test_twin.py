"""When the ONNX models of the tests are made, and when not."""

import shutil
from pathlib import Path

import pytest

from scripts import twin
from scripts.checkout import Checkout

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name in twin.INGREDIENTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    return Checkout(tmp_path, {"XDG_CACHE_HOME": str(tmp_path / "cache")})


def keep(checkout: Checkout, text: str) -> None:
    for name in ("twin", "onnx-zoo"):
        folder = checkout.cache / "twin" / twin.key(checkout) / name
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_text(text)


def test_the_models_come_from_the_cache_and_nothing_is_installed(checkout: Checkout) -> None:
    keep(checkout, "first")
    twin.provide(checkout)
    assert (checkout.venv / "twin" / "model.onnx").read_text() == "first"
    assert (checkout.venv / "onnx-zoo" / "model.onnx").read_text() == "first"
    assert not (checkout.cache / "convert").exists()


@pytest.mark.parametrize("name", twin.INGREDIENTS)
def test_another_recipe_makes_other_models(checkout: Checkout, name: str) -> None:
    keep(checkout, "first")
    twin.provide(checkout)
    with (checkout.root / name).open("a") as file:
        file.write("\n# changed\n")
    keep(checkout, "second")
    twin.provide(checkout)
    assert (checkout.venv / "twin" / "model.onnx").read_text() == "second"


def test_a_folder_that_was_deleted_is_put_back(checkout: Checkout) -> None:
    keep(checkout, "first")
    twin.provide(checkout)
    shutil.rmtree(checkout.venv / "onnx-zoo")
    twin.provide(checkout)
    assert (checkout.venv / "onnx-zoo" / "model.onnx").is_file()


def test_tests_that_change_a_model_do_not_change_the_cache(checkout: Checkout) -> None:
    keep(checkout, "first")
    twin.provide(checkout)
    (checkout.venv / "twin" / "model.onnx").write_text("spoiled")
    shutil.rmtree(checkout.venv / "onnx-zoo")
    twin.provide(checkout)
    assert (checkout.venv / "twin" / "model.onnx").read_text() == "first"


def test_every_package_for_conversions_is_pinned_exactly() -> None:
    lines = (ROOT / "requirements-convert.txt").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert all(line.count("==") == 1 and "+" not in line for line in packages)
    assert any(line.startswith("torch==") for line in packages)
