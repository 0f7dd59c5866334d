"""`edgewise bench --duel`: two installed models, and which of them is faster."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from agent.cli import duel as command
from agent.cli.duel import duel
from agent.config import Config
from agent.duels import Duels
from agent.errors import ConfigError, InputError, ModelNotFoundError
from agent.models import ModelStore
from tests.cli.running import edgewise
from tests.selecting import small_model


@pytest.fixture
def config(state: Path, tmp_path: Path, onnx_zoo: Path) -> Config:
    """A device with a GGUF model and an ONNX model; tiny, and not the same."""
    config = Config(state_dir=state, context=256, parallel=2, offline=True)
    store = ModelStore(config.models_dir)
    for path, name in ((small_model(tmp_path / "small.gguf"), "small"), (onnx_zoo / "qwen3", "tiny")):
        asyncio.run(store.pull(str(path), config.sources(), name=name))
    return config


def make_the_same(config: Config) -> None:
    """Let the ONNX model be what was made of the GGUF file."""
    store = ModelStore(config.models_dir)
    description = config.models_dir / "tiny" / "model.json"
    known = json.loads(description.read_text())
    description.write_text(json.dumps(known | {"source": str(store.path(store.find("small")))}))


def test_a_duel_between_two_named_models_says_who_is_faster(config: Config, measured: list[str]) -> None:
    flags = ["--repeat", "2", "--parallel", "2", "--context", "256", *measured]
    done = edgewise(config.state_dir, "bench", "--duel", "tiny", "small", "--json", *flags)
    found = json.loads(done.stdout)
    assert [found["duel"][side]["name"] for side in ("first", "second")] == ["small", "tiny"]
    assert found["winner"] in {"", "small", "tiny"}
    assert found["duel"]["rounds"] == 2
    assert len(Duels(config.state_dir / "duels.json").all()) == found["kept"]


@pytest.mark.slow  # `test_duels` keeps and refuses them
def test_a_quiet_device_remembers_the_duel_and_a_busy_one_says_that_it_does_not(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_the_same(config)
    for disturbed in (True, False):
        monkeypatch.setattr(command, "busy", lambda *_, told=disturbed: told)
        assert duel([], config, rounds=2, as_json=False) == 0
        said = capsys.readouterr().out
        assert ("this is not remembered" in said) is disturbed
        assert "different models" not in said
        assert len(Duels(config.state_dir / "duels.json").all()) == (not disturbed)


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ([], ConfigError, "No model is installed both as GGUF and for ONNX Runtime"),
        (["tiny"], ConfigError, r"tiny is not installed for llama\.cpp"),
        (["small"], ConfigError, "small is not installed for ONNX Runtime"),
        (["small", "small"], ConfigError, "small cannot be compared with itself"),
        (["small", "tiny", "small"], InputError, "between two models"),
        (["nonsense"], ModelNotFoundError, "nonsense"),
    ],
)
def test_what_cannot_be_compared_is_said(
    config: Config, names: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        duel(names, config, rounds=2, as_json=True)


def test_a_model_that_cannot_be_run_takes_part_in_no_duel(config: Config) -> None:
    (config.models_dir / "tiny" / "tokenizer.json").write_text("{")
    shutil.rmtree(config.models_dir / "small")
    with pytest.raises((ConfigError, ModelNotFoundError)):
        duel(["tiny", "small"], config, rounds=2, as_json=True)
