"""Damaged models and too little memory: one of our errors, never another one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import engines
from agent.engines import LoadOptions
from agent.engines.onnx.session import open_session
from agent.errors import EdgewiseError, ModelFileError, RequestError
from agent.plan import Plan
from tests.engines.driving import Loaded, answer
from tests.engines.onnx import damage

# What a process may take beyond what it has when everything is imported.
_LIMITED = """
import resource, sys
from pathlib import Path
import llguidance, numpy, onnxruntime, tokenizers
from agent import engines
from agent.engines import LoadOptions
from agent.errors import EdgewiseError
from agent.plan import Plan
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (int(sys.argv[2]) << 20),) * 2)
plan = Plan(int(sys.argv[3]), parallel=4, threads=1, micro_batch=64)
try:
    engines.create("onnx").load(LoadOptions(Path(sys.argv[1]), plan, extra_buffers=True), lambda fraction: None)
except EdgewiseError as error:
    print(error.message)
"""


def load(folder: Path, context: int = 256) -> Loaded:
    """Load a model."""
    engine = engines.create("onnx")
    plan = Plan(context, parallel=2, threads=1, micro_batch=64)
    return Loaded(engine, engine.load(LoadOptions(folder, plan, extra_buffers=True), lambda _fraction: None))


@pytest.fixture
def model(onnx_zoo: Path, tmp_path: Path) -> Path:
    """A model that may be changed."""
    return damage.copy(onnx_zoo / "llama-fp32", tmp_path / "model")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (damage.not_numbers, "logits that are not numbers"),
        (damage.cut_data, "model.onnx.data"),
        (damage.cut_graph, "model.onnx: the file ends"),
        (damage.unknown_operator, "cannot be loaded by ONNX Runtime"),
        (damage.other_shape, "GroupQueryAttention"),
        (damage.no_tokenizer, "tokenizer"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_damaged_model_is_refused(model: Path, harm: Callable[[Path], None], said: str) -> None:
    harm(model)
    with pytest.raises(EdgewiseError, match=said):
        load(model)


def test_data_that_change_behind_the_check_are_refused_by_the_library(model: Path) -> None:
    damage.cut_data(model)
    with pytest.raises(ModelFileError, match="cannot be loaded by ONNX Runtime"):
        open_session(model / "model.onnx", threads=1)


def test_the_tokenizer_of_a_larger_model_costs_only_the_texts_that_need_it(model: Path, twin: Path) -> None:
    (model / "tokenizer.json").write_bytes((twin / "tokenizer.json").read_bytes())
    loaded = load(model)
    with pytest.raises(RequestError, match=r"token \d+ and the model knows 1024"):
        loaded.tokens("Supercalifragilistic")
    assert answer(loaded.engine, loaded.request("a"), 1).sampled


@pytest.mark.parametrize(
    ("megabytes", "context", "said"), [(60, 512, "to load"), (400, 8192, "4 sequences of 8192 tokens")]
)
def test_too_little_memory_is_said(twin: Path, megabytes: int, context: int, said: str) -> None:
    command = [sys.executable, "-c", _LIMITED, str(twin), str(megabytes), str(context)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"ORT_DISABLE_TELEMETRY": "1"})
    assert done.stdout.startswith("There is not enough memory")
    assert said in done.stdout
