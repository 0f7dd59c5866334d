"""A header that lies is refused, whatever it says."""

import contextlib
import json
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.embeddings.safetensors import MAX_HEADER, read_tensors
from agent.errors import ModelFileError
from tests.embeddings.tiny_encoder import shapes, weights


def write(path: Path, header: object, data: bytes = bytes(16)) -> Path:
    encoded = json.dumps(header).encode() if not isinstance(header, bytes) else header
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)
    return path


def entry(dtype: str = "F32", shape: object = (2, 2), offsets: object = (0, 16)) -> dict[str, object]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def test_offsets_lead_to_the_numbers(tiny: Path) -> None:
    tensors = read_tensors(tiny / "model.safetensors")
    content = (tiny / "model.safetensors").read_bytes()
    assert {name: tensor.shape for name, tensor in tensors.items()} == shapes()
    for name, values in weights().items():
        tensor = tensors[name]
        assert content[tensor.offset : tensor.offset + tensor.length] == values.tobytes()


@pytest.mark.parametrize(
    "header",
    [
        entry(offsets=(0, 17)),
        entry(offsets=(-16, 0)),
        entry(offsets=(16, 0)),
        entry(offsets=(0, 2**63)),
        entry(offsets=(0, 8)),
        entry(shape=(2, 3)),
        entry(shape=(-2, -2)),
        entry(shape=[1] * 9),
        entry(shape=(2**40, 2**40)),
        entry(shape="4"),
        entry(dtype="F33"),
        {"w": {}},
        {"w": []},
        [],
        b"{",
        b"[" * 100_000,
    ],
)
def test_a_header_that_lies_is_refused(tmp_path: Path, header: object) -> None:
    with pytest.raises(ModelFileError):
        read_tensors(write(tmp_path / "x", header))


@pytest.mark.parametrize("length", [MAX_HEADER + 1, 2**63, 100])
def test_a_length_beyond_the_file_or_reason_is_refused(tmp_path: Path, length: int) -> None:
    (tmp_path / "x").write_bytes(struct.pack("<Q", length) + b"{}")
    with pytest.raises(ModelFileError):
        read_tensors(tmp_path / "x")


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    for name in ("x", "y"):
        with pytest.raises(ModelFileError):
            read_tensors(tmp_path / name)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 3000), byte=st.integers(0, 255), cut=st.integers(0, 90_000))
def test_damage_is_refused_or_harmless(tmp_path: Path, tiny: Path, place: int, byte: int, cut: int) -> None:
    content = bytearray((tiny / "model.safetensors").read_bytes()[:cut])
    if place < len(content):
        content[place] = byte
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with contextlib.suppress(ModelFileError):
        for tensor in read_tensors(path).values():
            assert 0 <= tensor.offset <= tensor.offset + tensor.length <= len(content)
