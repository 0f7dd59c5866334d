"""A model that nobody has listed has a title that people can read."""

from pathlib import Path

import pytest

from agent.gguf import read_header
from agent.gguf.title import title_of
from tests.gguf_files import gguf, text


def titled(path: Path, stem: str = "file", **general: str) -> str:
    path.write_bytes(gguf({f"general.{key}": text(value) for key, value in general.items()}))
    return title_of(read_header(path), stem)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("SmolLM2 135M Instruct", "SmolLM2 135M Instruct"),
        ("qwen2.5-0.5b-instruct", "Qwen2.5 0.5B Instruct"),
        ("mixtral-8x7b_v0.1", "Mixtral 8x7B V0.1"),
        ("  a\tb \u202egpj.exe\x07 ", "a b gpj.exe"),
        ("词 语", "词 语"),
        ("word " * 30, f"{'word ' * 11}word…"),
    ],
)
def test_the_name_in_the_header_is_the_title(path: Path, name: str, title: str) -> None:
    assert titled(path, name=name) == title


@pytest.mark.parametrize("name", ["", " ", "models", "Model", "\x07"])
def test_a_name_that_says_nothing_gives_way_to_its_parts(path: Path, name: str) -> None:
    parts = {"basename": "Qwen2.5", "finetune": "Instruct", "size_label": "0.5B"}
    assert titled(path, name=name, **parts) == "Qwen2.5 Instruct 0.5B"
    assert titled(path, name=name, basename="phi-2") == "Phi 2"


@pytest.mark.parametrize(
    ("stem", "title"),
    [
        ("my-own_model", "My Own Model"),
        ("tiny-1.5b-f32", "Tiny 1.5B"),
        ("Already written", "Already written"),
        ("---", "---"),
        ("<img src=x>", "<img src=x>"),
    ],
)
def test_without_them_it_is_the_name_of_the_file(path: Path, stem: str, title: str) -> None:
    assert titled(path, stem, name="") == title
