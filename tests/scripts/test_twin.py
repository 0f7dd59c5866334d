"""When the ONNX models of the tests are made, and when not."""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts import twin
from scripts.checkout import Checkout
from scripts.locking import exclusive

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


def test_the_models_of_the_last_two_recipes_are_kept(checkout: Checkout) -> None:
    cache = checkout.cache / "twin"
    for age, name in enumerate(["scratch-killed", "yesterday", "last-week", "last-month"]):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, ns=(0, -age * 10**9))
    keep(checkout, "today")
    twin.provide(checkout)
    assert {folder.name for folder in cache.iterdir()} == {twin.key(checkout), "yesterday"}


def test_models_that_are_used_again_are_not_old(checkout: Checkout) -> None:
    cache = checkout.cache / "twin"
    keep(checkout, "of long ago")
    os.utime(cache / twin.key(checkout), ns=(0, 0))
    for name in ("one", "other"):
        (cache / name).mkdir()
    twin.provide(checkout)
    assert (cache / twin.key(checkout)).is_dir()
    assert len(list(cache.iterdir())) == 2


def test_set_ups_at_the_same_time_do_not_get_in_each_others_way(checkout: Checkout) -> None:
    keep(checkout, "first")
    together = threading.Barrier(4)

    def provide() -> None:
        together.wait()
        twin.provide(checkout)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(provide) for _ in range(4)]:
            done.result()
    assert sorted(path.name for path in checkout.venv.iterdir()) == ["onnx-zoo", "twin", "twin.stamp"]


def test_nothing_is_put_in_place_while_another_set_up_may_prune(checkout: Checkout) -> None:
    keep(checkout, "first")
    with exclusive(checkout.cache / "twin", ""):
        waiting = threading.Thread(target=twin.provide, args=(checkout,))
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        assert not list(checkout.venv.iterdir())
    waiting.join()
    assert (checkout.venv / "twin" / "model.onnx").read_text() == "first"


def test_every_package_for_conversions_is_pinned_exactly() -> None:
    lines = (ROOT / "requirements-convert.txt").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert all(line.count("==") == 1 and "+" not in line for line in packages)
    assert any(line.startswith("torch==") for line in packages)
