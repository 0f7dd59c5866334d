"""`edgewise models pull` with a name of the catalogue."""

from pathlib import Path

import pytest

from tests.cli.running import edgewise

OFFLINE = ["--offline"]


def test_a_name_of_the_catalogue_means_one_of_its_files(tmp_path: Path, measured: list[str]) -> None:
    done = edgewise(tmp_path, "models", "pull", "smollm2-360m", *measured, *OFFLINE)
    assert done.returncode == 2
    assert "SmolLM2-360M-Instruct" in done.stderr
    assert "forbids" in done.stderr, "it got as far as the network"


def test_the_conditions_of_a_licence_are_shown_before_the_download(tmp_path: Path, measured: list[str]) -> None:
    done = edgewise(tmp_path, "models", "pull", "gemma-3-1b", *measured, *OFFLINE)
    assert done.stderr.index("Gemma Terms of Use") < done.stderr.index("forbids")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("phi-silica", "Windows"),
        ("bitnet-b1.58-2b-4t", "cannot be installed"),
        ("qwen3.5-2bb", "The catalogue has qwen3.5-2b"),
    ],
)
def test_what_cannot_be_had_is_said_with_the_reason(tmp_path: Path, name: str, words: str) -> None:
    done = edgewise(tmp_path, "models", "pull", name, *OFFLINE)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
