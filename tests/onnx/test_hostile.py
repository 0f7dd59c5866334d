"""Whatever a file holds, it is read or refused: nothing else happens, soon and in little memory."""

import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import ModelFileError
from agent.onnx import Graph, ModelFolder, read_folder, read_graph
from tests.onnx_files import Outside, decoder, model, number, piece, tensor, write_genai

MAX_SECONDS = 5.0  # a million entries take 0.75 s of a quick processor
MAX_BYTES = 48 << 20
SOUND = model(decoder(place=Outside()))
MODEL_KEYS = ("type", "filename", "pipeline", "inputs", "vision", "head_size", "sliding_window", "context_length")
OTHER_KEYS = ("model", "decoder", "search", "eos_token_id", "session_options", "provider_options")
KEYS = st.sampled_from(MODEL_KEYS + OTHER_KEYS)
SETTINGS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
)
LIES = [b"\0", b"\xff" * 9 + b"\x01", b"\x80\x80\x80\x80\x10"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_genai(tmp_path_factory.mktemp("hostile") / "tiny")


def outcome(path: Path) -> Graph | ModelFileError:
    """Read a graph in bounded time; any other exception ends the test."""
    start = time.process_time()
    result = read_or_refuse(path)
    assert time.process_time() - start < MAX_SECONDS
    return result


def read_or_refuse(path: Path) -> Graph | ModelFileError:
    try:
        return read_graph(path)
    except ModelFileError as error:
        return error


def read_folder_or_refuse(path: Path) -> ModelFolder | ModelFileError:
    try:
        return read_folder(path)
    except ModelFileError as error:
        return error


def test_a_lie_at_any_place_is_survived(folder: Path) -> None:
    path = folder / "model.onnx"
    for place in range(0, len(SOUND), 37):
        for lie in LIES:
            path.write_bytes(SOUND[:place] + lie + SOUND[place + len(lie) :])
            read_or_refuse(path)


@settings(max_examples=120, deadline=None)
@given(start=st.sampled_from([b"", b"\x08\x0a", SOUND[:24], SOUND[:400]]), rest=st.binary(max_size=2000))
def test_random_bytes_are_survived(folder: Path, start: bytes, rest: bytes) -> None:
    path = folder / "model.onnx"
    path.write_bytes(start + rest)
    outcome(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_change_of_a_sound_file_is_survived(folder: Path, data: st.DataObject) -> None:
    content = bytearray(SOUND)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(start + 16, len(content))))
        content[start:end] = data.draw(st.binary(max_size=16))
    (folder / "model.onnx").write_bytes(content)
    read_folder_or_refuse(folder)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_file_cut_off_anywhere_is_survived(folder: Path, data: st.DataObject) -> None:
    (folder / "model.onnx").write_bytes(SOUND[: data.draw(st.integers(0, len(SOUND) - 1))])
    read_folder_or_refuse(folder)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_change_of_the_real_graph_is_survived(folder: Path, twin: Path, data: st.DataObject) -> None:
    content = bytearray((twin / "model.onnx").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (folder / "model.onnx").write_bytes(content)
    outcome(folder / "model.onnx")


@settings(max_examples=120, deadline=None)
@given(text=SETTINGS)
def test_any_settings_are_survived(folder: Path, text: object) -> None:
    (folder / "genai_config.json").write_text(json.dumps(text))
    read_folder_or_refuse(folder)


MANY = {
    "nodes": piece(7, piece(1, b"") * 100_000),
    "tensors": piece(7, piece(5, tensor("t", ())) * 80_000),
    "data": piece(7, piece(5, number(5, 1) * 1_200_000)),
    "numbers": piece(7, piece(1, piece(5, piece(8, b"\x01" * 70_000)) * 40)),
    "names": piece(7, piece(11, piece(1, "x" * 60_000)) * 500),
}


@pytest.mark.parametrize("what", MANY)
def test_too_much_of_anything_is_refused_soon(folder: Path, what: str) -> None:
    path = folder / "model.onnx"
    path.write_bytes(MANY[what])
    assert isinstance(outcome(path), ModelFileError)


@pytest.mark.parametrize("what", ["numbers", "names"])
def test_too_much_of_anything_takes_little_memory(folder: Path, what: str) -> None:
    path = folder / "model.onnx"
    path.write_bytes(MANY[what])
    tracemalloc.start()
    read_or_refuse(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MAX_BYTES
