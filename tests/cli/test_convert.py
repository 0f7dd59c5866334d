import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from agent.onnx import read_folder
from scripts.checkout import Checkout
from scripts.twin import environment_of
from tests.cli.running import edgewise, terminal
from tests.tiny_model import tiny_model

WITH_TORCH = environment_of(Checkout(Path(__file__).parents[2], os.environ)) / "bin" / "python"


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A small GGUF file."""
    path = tmp_path / "Small-Instruct.Q4_1.gguf"
    path.write_bytes(tiny_model())
    return str(path)


def interpreter(tmp_path: Path, work: str) -> str:
    """Return a Python that has all packages, and whose conversion is a line of shell; $report is its descriptor."""
    path = tmp_path / "python"
    read = 'while [ "$1" != --report ]; do shift; done; report=/proc/self/fd/$2'
    path.write_text(f'#!/bin/sh\n[ "$1" = -I ] && exit\n{read}\n{work}\n')
    path.chmod(0o755)
    return str(path)


def leftovers(tmp_path: Path) -> list[str]:
    return [path.name for path in tmp_path.rglob("*") if path.name.startswith(".convert")]


def test_an_environment_without_torch_is_told_what_to_install(tmp_path: Path, source: str) -> None:
    done = edgewise(tmp_path, "convert", source, "--python", sys.executable)
    assert done.returncode == 2
    assert "torch, transformers" in done.stderr
    assert "1.3 GB" in done.stderr
    assert "--python" in done.stderr


def test_what_is_no_python_is_said_to_be_none(tmp_path: Path, source: str) -> None:
    done = edgewise(tmp_path, "convert", source, "--python", str(tmp_path / "absent"))
    assert (done.returncode, "does not run as a Python" in done.stderr) == (2, True)


def test_a_model_that_is_not_here_is_not_found(tmp_path: Path) -> None:
    assert "no installed model, file or folder 'absent'" in edgewise(tmp_path, "convert", "absent").stderr
    assert "hf download owner/repo" in edgewise(tmp_path, "convert", "hf:owner/repo").stderr


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"config.json": "{}"}, "has no safetensors file"),
        ({"model.safetensors": ""}, "no config.json"),
        ({"config.json": "{}", "model.safetensors": ""}, "no tokenizer"),
        (
            {"config.json": "{}", "model.safetensors": "version https://git", "tokenizer.json": "{}"},
            "is no safetensors file",
        ),
    ],
)
def test_a_folder_lacks_something(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    done = edgewise(tmp_path, "convert", str(folder))
    assert done.returncode == 2
    assert problem in done.stderr


def test_a_model_too_large_for_the_memory_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 20, 1 << 20], "data_offsets": [0, 4]}}).encode()
    folder = tmp_path / "giant"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    done = edgewise(tmp_path, "convert", str(folder), "--python", interpreter(tmp_path, "exit 1"))
    assert done.returncode == 2
    assert "of memory" in done.stderr


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        ("""echo '{"error": "architecture", "detail": "T5"}' > $report; exit 1""", "cannot be built: T5."),
        (
            """echo '{"error": "tokenizer", "detail": "no merges"}' > $report; exit 1""",
            "cannot be converted: no merges.",
        ),
        ("exit 3", "ended with status 3"),
        ("kill -9 $$", "memory is not enough"),
        ("exit 0", "no model that Edgewise can use"),
    ],
)
def test_a_conversion_that_fails_says_why_and_leaves_nothing(
    tmp_path: Path, source: str, work: str, sentence: str
) -> None:
    state = tmp_path / "state"
    done = edgewise(tmp_path, "convert", source, "--python", interpreter(tmp_path, work), "--state-dir", str(state))
    assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr
    assert not leftovers(tmp_path)


def test_ctrl_c_ends_the_work_and_leaves_nothing(tmp_path: Path, source: str) -> None:
    pid = tmp_path / "pid"
    work = f"""echo $$ > {pid}; echo '{{"stage": "reading"}}' > $report; exec sleep 100"""
    arguments = ("convert", source, "--python", interpreter(tmp_path, work), "--output", str(tmp_path / "made"))
    with terminal(tmp_path, *arguments) as shown:
        shown.wait_for("reading the weights")
        shown.type("\x03")
        assert shown.process.wait(10) == 130
    assert not leftovers(tmp_path)
    assert not Path("/proc", pid.read_text().strip()).exists()


def test_the_result_is_installed_under_a_name_that_says_what_it_is(tmp_path: Path, source: str, onnx_zoo: Path) -> None:
    work = f'while [ -n "$1" ]; do shift; done; cp -r {onnx_zoo / "qwen3"} "$OUTPUT"'
    python = Path(interpreter(tmp_path, work))
    python.write_text(python.read_text().replace("while", 'OUTPUT="$3"\nwhile', 1))
    state = ("--state-dir", str(tmp_path / "state"))
    done = edgewise(tmp_path, "convert", source, "--python", str(python), *state)
    assert done.returncode == 0, done.stderr
    (model,) = json.loads(edgewise(tmp_path, "models", "list", "--json", *state).stdout)["models"]
    assert (model["name"], model["source"]) == ("small-instruct-int4-onnx", source)
    again = edgewise(tmp_path, "convert", source, "--python", str(python), *state)
    assert "is installed already" in again.stderr
    assert "is an ONNX model already" in edgewise(tmp_path, "convert", model["name"], *state).stderr


@pytest.mark.slow
@pytest.mark.skipif(not WITH_TORCH.exists(), reason="the models of the tests came from the cache, without the tools")
@pytest.mark.parametrize("precision", ["int4", "int8", "fp16", "fp32"])
def test_safetensors_become_a_model(tmp_path: Path, onnx_zoo: Path, precision: str) -> None:
    shutil.copytree(onnx_zoo / "safetensors", tmp_path / "tiny")
    made = tmp_path / "made"
    where = ("--output", str(made), "--python", str(WITH_TORCH))
    done = edgewise(tmp_path, "convert", str(tmp_path / "tiny"), "--precision", precision, *where)
    assert done.returncode == 0, done.stderr
    folder = read_folder(made)
    assert (folder.runner, folder.cache, folder.chat_template is not None) == ("loop", "shared", True)
    assert folder.quantization in {precision, "int8"}  # both layers of so small a model are among those kept as int8
