import argparse
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.cli import models
from agent.config import Config
from agent.errors import ModelNotFoundError
from agent.inference.set_aside import SetAside, identify
from agent.models import InstalledModel, ModelStore
from agent.models.embedder import NAME as ENCODER
from agent.units import format_bytes
from agent.upkeep.uses import Uses
from tests.embeddings.tiny_encoder import install as install_encoder
from tests.fake_hub import FakeHub, Fault, HubFile, running_hub
from tests.onnx_files import write_genai
from tests.tiny_model import tiny_model

CHILD = """
import argparse, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
from pathlib import Path
from agent.cli import models
from agent.config import Config
parser = argparse.ArgumentParser()
models.add_parser(parser.add_subparsers())
args = parser.parse_args(sys.argv[3:])
sys.exit(args.handler(args, Config(state_dir=Path(sys.argv[1]), hf_endpoint=sys.argv[2])))
"""
MODEL = tiny_model()
HF, NAME = "hf:acme/tiny", "tiny-q8_0"
SIZE = format_bytes(len(MODEL))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with running_hub() as hub:
        hub.repos["acme/tiny"] = {"tiny-Q8_0.gguf": HubFile(MODEL)}
        yield hub


@pytest.fixture
def config(hub: FakeHub, tmp_path: Path) -> Config:
    return Config(state_dir=tmp_path, hf_endpoint=hub.url)


def edgewise_models(config: Config, *arguments: str) -> int:
    """Run `edgewise models ...` in this process and return its exit status."""
    parser = argparse.ArgumentParser()
    models.add_parser(parser.add_subparsers())
    args = parser.parse_args(["models", *arguments])
    status: int = args.handler(args, config)
    return status


def test_pull_says_how_far_it_is_and_what_is_installed(
    hub: FakeHub, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.always = Fault(trickle=0.01)
    assert edgewise_models(config, "pull", HF) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{NAME} is installed: {SIZE}, F32.\n"
    lines = shown.err.splitlines()
    assert lines[0] == f"{HF}  checking"
    assert sum(line.startswith(f"{HF}  downloading") for line in lines) > 2
    assert lines[-1] == f"{HF}  done 100 %  {SIZE} of {SIZE}"


def test_list_is_an_aligned_table(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    edgewise_models(config, "pull", HF)
    edgewise_models(config, "pull", HF, "--name", "x")
    capsys.readouterr()
    assert edgewise_models(config, "list") == 0
    assert capsys.readouterr().out.splitlines() == [
        "NAME       SIZE       QUANT  PARAMS  CONTEXT  USED  SOURCE",
        f"tiny-q8_0  {SIZE}  F32    75K     2048     -     hf:acme/tiny",
        f"x          {SIZE}  F32    75K     2048     -     hf:acme/tiny",
        "Not here: all-minilm-l6-v2, embeddings, 79.6 MiB (edgewise models pull embeddings)",
    ]


def test_list_says_when_a_model_was_used_and_which_would_go_first(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    uses = Uses(config.state_dir / "uses.json")
    for name in ("x", "y", "z"):
        edgewise_models(config, "pull", HF, "--name", name)
        uses.note(name, 1_700_000_000.0)
    capsys.readouterr()
    assert edgewise_models(config, "list") == 0
    shown = capsys.readouterr().out
    assert shown.count("2023-11-14") == 3
    assert "When room is needed, x goes first" in shown


def test_a_model_of_several_files_reads_like_any_other(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_genai(tmp_path / "usb" / "phi")
    assert edgewise_models(config, "pull", str(folder)) == 0
    model = ModelStore(config.models_dir).find("phi")
    size = format_bytes(model.bytes)
    assert capsys.readouterr().out == f"phi is installed: {size}, fp32 ONNX.\n"
    assert edgewise_models(config, "list") == 0
    assert f"phi   {size}  fp32 ONNX  2.3K    256      -     {folder}" in capsys.readouterr().out
    assert edgewise_models(config, "verify", "phi") == 0
    assert capsys.readouterr().out == "phi: OK\n"
    assert edgewise_models(config, "rm", "phi") == 0
    assert ModelStore(config.models_dir).installed() == []


def test_the_embedding_model_is_listed_as_what_it_is(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    install_encoder(config.state_dir)
    edgewise_models(config, "list")
    assert re.search(
        rf"^{ENCODER}  +\S+ \w+  +fp32 embeddings  +\S+  +16  +-  +embeddings$", capsys.readouterr().out, re.MULTILINE
    )
    edgewise_models(config, "list", "--json")
    (listed,) = json.loads(capsys.readouterr().out)["embeddings"]
    assert (listed["name"], listed["kind"], listed["state"]) == (ENCODER, "embeddings", "here")
    with pytest.raises(ModelNotFoundError):
        edgewise_models(config, "use", ENCODER)
    edgewise_models(config, "rm", ENCODER)
    assert ModelStore(config.models_dir).everything() == []


def test_embeddings_that_are_off_are_not_missed(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    edgewise_models(msgspec.structs.replace(config, embeddings="off"), "list")
    assert "embeddings" not in capsys.readouterr().out


def test_list_speaks_json(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    edgewise_models(config, "pull", HF)
    capsys.readouterr()
    edgewise_models(config, "list", "--json")
    document = json.loads(capsys.readouterr().out)
    assert msgspec.convert(document["models"], list[InstalledModel]) == [ModelStore(config.models_dir).find(NAME)]
    assert document["unfinished"] == []


def test_an_empty_list_says_how_to_get_a_model(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert edgewise_models(config, "list") == 0
    assert "edgewise models pull starter" in capsys.readouterr().out


def test_rm_deletes_and_refuses_what_is_not_installed(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    edgewise_models(config, "pull", HF)
    assert edgewise_models(config, "rm", NAME) == 0
    assert capsys.readouterr().out.endswith(f"{NAME} was deleted.\n")
    with pytest.raises(ModelNotFoundError):
        edgewise_models(config, "rm", NAME)


def test_verify_gives_a_sound_model_that_was_set_aside_another_chance(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edgewise_models(config, "pull", HF) == 0
    store = ModelStore(config.models_dir)
    path = store.path(store.find(NAME))
    SetAside(config.state_dir / "set-aside.json").add(identify(path), "some build", "it crashed.", aside=True)
    assert edgewise_models(config, "verify", NAME) == 0
    assert "tries it again" in capsys.readouterr().out
    assert SetAside(config.state_dir / "set-aside.json").all() == []


def test_verify_tells_the_sound_from_the_damaged(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    edgewise_models(config, "pull", HF)
    edgewise_models(config, "pull", HF, "--name", "damaged")
    capsys.readouterr()
    assert edgewise_models(config, "verify", NAME) == 0
    assert capsys.readouterr().out == f"{NAME}: OK\n"
    store = ModelStore(config.models_dir)
    store.path(store.find("damaged")).write_bytes(bytes(len(MODEL)))
    assert edgewise_models(config, "verify") == 1
    shown = capsys.readouterr().out
    assert "damaged: " in shown
    assert "has changed since it was installed" in shown
    assert f"{NAME}: OK\n" in shown


def test_ctrl_c_pauses_and_says_how_to_go_on(hub: FakeHub, config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    hub.always = Fault(trickle=0.05)
    command = [sys.executable, "-c", CHILD, str(config.state_dir), hub.url, "models", "pull", HF]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as child:
        part = config.models_dir / NAME / "tiny-Q8_0.gguf.part"
        deadline = time.monotonic() + 20
        while not (part.exists() and part.stat().st_size):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        child.send_signal(signal.SIGINT)
        _, shown = child.communicate(timeout=10)
    assert child.returncode == 130
    assert shown.endswith(f"Paused. To go on: edgewise models pull {HF}\n")
    assert "Traceback" not in shown

    edgewise_models(config, "list")
    assert f"go on: edgewise models pull {HF}; delete: edgewise models rm {NAME}" in capsys.readouterr().out
    edgewise_models(config, "rm", NAME)
    assert not part.exists()
