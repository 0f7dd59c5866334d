"""Family files are read strictly: what is wrong in one is said with its place."""

from pathlib import Path

import pytest

from agent.catalog import BUILT_IN, load_catalog
from agent.errors import ConfigError

FAMILY = """\
title = "Mine"
publisher = "Me"

[[models]]
name = "mine-1b"
title = "Mine 1B"
released = "2026-01-31"
licence = "MIT"
use = ["chat"]
thinking = "never"
files = [
  { reference = "hf:me/mine-GGUF/mine-Q4_0.gguf", quantization = "Q4_0", bytes = 600_000_000 },
]

[models.quality]
score = 20
estimated = true
mode = "answer"
source = "guessed"

[models.shape]
architecture = "llama"
parameters = 1_000_000_000
active = 900_000_000
layers = 20
embedding = 2048
feed_forward = 8192
vocabulary = 50_000
context = 4096
tied = false
attention = [{ layers = 20, heads = 16, kv_heads = 4, key_length = 128, value_length = 128 }]
"""


def family(folder: Path, text: str, name: str = "mine.toml") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_catalog(family(folder, text))
    return caught.value


def line(text: str, part: str) -> int:
    return next(number for number, row in enumerate(text.splitlines(), 1) if part in row)


def test_a_family_of_the_user_joins_the_built_in_ones(tmp_path: Path) -> None:
    found = load_catalog(family(tmp_path, FAMILY))
    mine = next(model for model in found if model.name == "mine-1b")
    assert (mine.family, mine.publisher, len(found)) == ("mine", "Me", len(load_catalog()) + 1)


def test_the_example_in_the_documentation_can_be_loaded(tmp_path: Path) -> None:
    page = Path(__file__).parents[1] / "docs" / "add-a-model.md"
    example = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    assert "mistral-7b-v0.3" in {model.name for model in load_catalog(family(tmp_path, example))}


def test_a_later_directory_replaces_a_whole_family(tmp_path: Path) -> None:
    found = load_catalog(family(tmp_path, FAMILY, "phi.toml"), tmp_path / "absent")
    assert [model.name for model in found if model.family == "phi"] == ["mine-1b"]


def test_a_name_that_two_families_use_is_refused_with_both(tmp_path: Path) -> None:
    error = refused(tmp_path, FAMILY.replace("mine-1b", "phi-4-mini"))
    assert error.message == (
        f"Two models are called 'phi-4-mini': in {tmp_path / 'mine.toml'} and in {BUILT_IN / 'phi.toml'}."
    )


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("tied = false", "tide = false", "there is no key 'tide' in models[0].shape"),
        ("value_length = 128 }", "value_length = 128, windw = 512 }", "there is no key 'windw'"),
        ('released = "2026-01-31"', 'released = "2026-01-32"', "models[0].released is wrong"),
        ('name = "mine-1b"', 'name = "Mine 1B"', "models[0].name is wrong"),
        ("bytes = 600_000_000", "bytes = 0", "models[0].files[0].bytes is wrong"),
        ("mine-Q4_0.gguf", "mine-Q4_0.bin", "models[0].files[0].reference is wrong"),
        ("bytes = 600_000_000", 'bytes = 1, sha256 = "abc"', "models[0].files[0].sha256 is wrong"),
        ("score = 20", "score = 120", "models[0].quality.score is wrong"),
        ("[models.quality]", "[models.quality", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    text = FAMILY.replace(right, wrong)
    error = refused(tmp_path, text)
    assert said in error.message
    assert str(tmp_path / "mine.toml") in error.message
    assert f"line {line(text, wrong)}" in error.message


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("active = 900_000_000", "active = 1_100_000_000"),
        ("layers = 20, heads", "layers = 21, heads"),
        ("tied = false", "tied = false\nexperts_used = 4"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(tmp_path: Path, right: str, wrong: str) -> None:
    assert "models[0].shape is wrong" in refused(tmp_path, FAMILY.replace(right, wrong)).message
