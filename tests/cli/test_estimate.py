import json
from pathlib import Path

import pytest

from tests.cli.running import edgewise
from tests.selecting import small_model

PLAN = ["--context", "2048", "--parallel", "2", "--micro-batch", "128", "--prompt-cache", "0"]


def test_says_what_a_file_takes(tmp_path: Path, starter: Path) -> None:
    done = edgewise(tmp_path, "estimate", str(starter), *PLAN, "--json")
    report = json.loads(done.stdout)
    (file,) = report["files"]
    assert report["architecture"] == "llama"
    assert file["bytes"] == starter.stat().st_size
    assert file["memory"]["kv_cache"] == 2 * 45 * 1024 * 1024
    assert file["fits"] is (file["memory"]["total"] <= report["usable"])
    assert file["predicted"]["prefill"] > file["predicted"]["decode"] > 1
    assert done.returncode == (0 if file["fits"] else 1)


def test_all_files_of_a_model_of_the_catalogue_stand_in_aligned_columns(tmp_path: Path, measured: list[str]) -> None:
    done = edgewise(tmp_path, "estimate", "qwen3-0.6b", *measured, *PLAN)
    assert "Qwen3-0.6B-Q4_0.gguf" in done.stdout
    assert "Qwen3-0.6B-Q8_0.gguf" in done.stdout
    assert "KV cache" in done.stdout
    assert "usable now" in done.stdout
    header, *rows = [line for line in done.stdout.splitlines()[3:] if "  " in line]
    end = header.index("weights") + len("weights")
    assert {row[end - 1 : end + 1] for row in rows} == {"B "}


def test_knows_installed_models(tmp_path: Path, measured: list[str]) -> None:
    model = small_model(tmp_path / "small.gguf")
    assert edgewise(tmp_path, "models", "pull", str(model), "--name", "mine", *measured).returncode == 0
    done = edgewise(tmp_path, "estimate", "mine", *measured, *PLAN, "--json")
    assert json.loads(done.stdout)["model"] == "mine"


def test_a_smaller_type_of_keys_and_values_takes_less(tmp_path: Path, measured: list[str], starter: Path) -> None:
    done = edgewise(tmp_path, "estimate", str(starter), *measured, *PLAN, "--kv-type", "q8_0", "--json")
    (file,) = json.loads(done.stdout)["files"]
    assert file["memory"]["kv_cache"] == 2 * 45 * 1024 * 1024 * 34 // 64


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("qwen3-0.6", "qwen3-0.6b"),
        ("nothing-like-it", "called 'nothing-like-it'"),
        ("phi-silica", "no shape"),
        ("absent.gguf", "does not exist"),
    ],
)
def test_says_what_it_cannot_find(tmp_path: Path, model: str, words: str) -> None:
    done = edgewise(tmp_path, "estimate", model)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
