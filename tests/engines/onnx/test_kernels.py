"""The speed of single operations of ONNX Runtime on this machine."""

from collections.abc import Iterator

import pytest

from agent.engines.onnx import kernels
from agent.speed import Rates

MEMORY = 1 << 26
KINDS = ("int4/32", "f16")


@pytest.fixture(scope="module")
def rates() -> Iterator[Rates]:
    """What a measurement brings that has time for two types only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_TYPES", KINDS)
        patch.setattr(kernels, "_PATIENCE", 2.0)  # on a busy machine one round in a dozen is undisturbed
        yield kernels.measure(threads=1, seconds=60, memory=MEMORY)


def test_every_rate_is_plausible(rates: Rates) -> None:
    assert tuple(rates.decode) == tuple(rates.prefill) == KINDS
    assert all(1e8 < rate < 1e12 for rate in rates.decode.values())  # bytes per second
    assert all(1e8 < rate < 1e13 for rate in rates.prefill.values())  # multiply-adds per second
    for attention in (rates.attention_decode, rates.attention_prefill):
        assert all(1e7 < attention[kind] < 1e13 for kind in ("f32", "f16"))
    assert 0 < rates.operation < rates.multiplication * 10 < 1e-2


def test_a_batch_is_cheaper_per_token_than_single_tokens(rates: Rates) -> None:
    elements_per_byte = 32 / 20
    assert rates.prefill["int4/32"] > rates.decode["int4/32"] * elements_per_byte


def test_says_where_the_numbers_come_from(rates: Rates) -> None:
    assert rates.measured
    assert "this computer" in rates.source


def test_without_time_one_type_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_PATIENCE", 0.0)
    found = kernels.measure(threads=1, seconds=0, memory=0)
    assert list(found.decode) == ["int4/32"]


def test_matrices_are_read_from_memory_and_not_from_a_cache_that_they_share() -> None:
    # Of matrices that are equal the library keeps one.
    assert kernels._turned(b"a" * 64 + b"b" * 64, 1) == b"b" * 64 + b"a" * 64
