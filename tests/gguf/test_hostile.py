"""Whatever a file holds, it is read or refused: nothing else happens, soon and in little memory."""

import itertools
import os
import struct
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import ModelFileError
from agent.gguf import Header, read_header
from agent.gguf.metadata import Value
from tests.gguf_files import FORMATS, Tensor, array, gguf, number, text, texts

MAX_SECONDS = 2.0
MAX_BYTES = 16 << 20
LIES = [0, 2**32, 2**63]


@dataclass(frozen=True)
class Pair:
    """A metadata value as it is, and as it is written."""

    value: Value
    written: bytes


def _elements(kind: int) -> st.SearchStrategy[float]:
    code = FORMATS[kind]
    if code == "?":
        return st.booleans()
    if code in "fd":
        return st.floats(width=32 if code == "f" else 64, allow_nan=False)
    bits = 8 * struct.calcsize(f"<{code}")
    return st.integers(0, 2**bits - 1) if code.isupper() else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _numbers(kind: int) -> st.SearchStrategy[Pair]:
    one = _elements(kind).map(lambda value: Pair(value, number(kind, value)))
    many = st.lists(_elements(kind)).map(lambda values: Pair(tuple(values), array(kind, values)))
    return one | many


WORDS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=15)
KEYS = NAMES.map(lambda name: f"test.{name}")
VALUES = (
    st.sampled_from(sorted(FORMATS)).flatmap(_numbers)
    | WORDS.map(lambda word: Pair(word, text(word)))
    | st.lists(WORDS).map(lambda words: Pair(tuple(words), texts(words)))
)
SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)
TENSORS = st.builds(Tensor, NAMES.map(lambda name: f"t.{name}"), SHAPES)


def outcome(path: Path) -> Header | ModelFileError:
    """Read a header in bounded time and memory; any other exception ends the test."""
    tracemalloc.start()
    start = time.perf_counter()
    result = read_or_refuse(path)
    seconds, (_, peak) = time.perf_counter() - start, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < MAX_SECONDS
    assert peak < MAX_BYTES
    return result


def read_or_refuse(path: Path) -> Header | ModelFileError:
    try:
        return read_header(path)
    except ModelFileError as error:
        return error


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile") / "model.gguf"


@pytest.fixture(scope="module")
def start(starter: Path) -> bytes:
    """All of the starter but its weights."""
    return starter.read_bytes()[: read_header(starter).data_offset]


def test_a_lie_at_any_place_of_the_header_is_survived(path: Path) -> None:
    sound = gguf()
    for place, lie in zip(range(len(sound) - 640), itertools.cycle(LIES), strict=False):  # each at every third place
        path.write_bytes(sound[:place] + lie.to_bytes(8, "little") + sound[place + 8 :])
        outcome(path)


@settings(max_examples=300, deadline=None)
@given(start=st.sampled_from([b"", b"GGUF", b"GGUF\3\0\0\0", gguf()[:24]]), rest=st.binary(max_size=2000))
def test_random_bytes_are_refused(path: Path, start: bytes, rest: bytes) -> None:
    path.write_bytes(start + rest)
    assert isinstance(outcome(path), ModelFileError)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_change_of_a_sound_file_is_survived(path: Path, data: st.DataObject) -> None:
    content = bytearray(gguf())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(start + 16, len(content))))
        content[start:end] = data.draw(st.binary(max_size=16))
    path.write_bytes(content)
    outcome(path)


@pytest.mark.slow  # the files above are small and change in the same ways
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_change_in_the_header_of_the_starter_is_survived(
    path: Path, starter: Path, start: bytes, data: st.DataObject
) -> None:
    content = bytearray(start)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, 1100) | st.integers(0, len(start) - 8))
        change = data.draw(st.sampled_from(LIES).map(lambda lie: lie.to_bytes(8, "little")) | _flips(content[place]))
        content[place : place + len(change)] = change
    path.write_bytes(content)
    os.truncate(path, starter.stat().st_size)  # the weights are a hole
    outcome(path)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_the_starter_cut_off_anywhere_is_refused(path: Path, start: bytes, data: st.DataObject) -> None:
    path.write_bytes(start[: data.draw(st.integers(0, len(start)))])
    assert isinstance(outcome(path), ModelFileError)


@settings(max_examples=200, deadline=None)
@given(pairs=st.dictionaries(KEYS, VALUES, max_size=20), tensors=st.lists(TENSORS, unique_by=lambda t: t.name))
def test_what_is_written_is_read(path: Path, pairs: dict[str, Pair], tensors: list[Tensor]) -> None:
    path.write_bytes(gguf({key: pair.written for key, pair in pairs.items()}, [Tensor(), *tensors]))
    header = read_header(path)
    assert {key: header.metadata[key] for key in pairs} == {key: pair.value for key, pair in pairs.items()}
    assert [(t.name, t.shape) for t in header.tensors[1:]] == [(t.name, t.shape) for t in tensors]


def _flips(byte: int) -> st.SearchStrategy[bytes]:
    return st.integers(0, 7).map(lambda bit: bytes([byte ^ 1 << bit]))
