"""The speed of single operations of llama.cpp on this machine."""

from collections.abc import Iterator
from contextlib import closing

import gguf
import pytest

from agent.engines.llama_cpp import ggml, kernels, library
from agent.speed import Rates

MEMORY = 1 << 28


@pytest.fixture(scope="module")
def rates() -> Iterator[Rates]:
    """What a measurement brings that has time for the first two types only."""
    library.initialise()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_TYPES", ("Q4_K", "F16"))
        yield kernels.measure(threads=1, seconds=60, memory=MEMORY)


def test_every_rate_is_plausible(rates: Rates) -> None:
    assert list(rates.decode) == list(rates.prefill) == list(rates.rows) == ["Q4_K", "F16"]
    assert all(1e8 < rate < 1e12 for rate in rates.decode.values())  # bytes per second
    assert all(1e8 < rate < 1e13 for rate in rates.prefill.values())  # multiply-adds per second
    for attention in (rates.attention_decode, rates.attention_prefill):
        assert all(1e7 < attention[kind] < 1e13 for kind in ("f16", "q8_0"))
    assert rates.experts_decode >= 1
    assert 0 < rates.operation < rates.multiplication * 10 < 1e-2
    assert all(0 <= seconds < 1e-5 for seconds in rates.rows.values())


def test_a_batch_is_cheaper_per_token_than_single_tokens(rates: Rates) -> None:
    elements_per_byte = 256 / ggml.row_bytes("Q4_K", 256)
    assert rates.prefill["Q4_K"] > rates.decode["Q4_K"] * elements_per_byte


def test_says_where_the_numbers_come_from(rates: Rates) -> None:
    assert rates.measured
    assert "this computer" in rates.source
    assert "1 thread" in rates.source


def test_without_time_one_type_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_PATIENCE", 0.0)
    found = kernels.measure(threads=1, seconds=0, memory=0)
    assert list(found.decode) == ["Q4_K"]


@pytest.mark.parametrize("kind", ["Q4_K", "Q6_K", "Q4_0", "Q8_0", "F16", "F32", "MXFP4", "TQ2_0"])
def test_a_matrix_has_the_bytes_that_the_format_prescribes(kind: str) -> None:
    elements, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    assert ggml.row_bytes(kind, 512) == 512 // elements * size
    assert ggml.quantized(kind, 512, 200).nbytes == 200 * ggml.row_bytes(kind, 512)


def test_a_graph_can_be_run_again_and_again() -> None:
    with closing(ggml.Graph(1, 1)) as graph:
        graph.multiply(graph.weights("Q8_0", 256, 64, ggml.quantized("Q8_0", 256, 64)), graph.tensor("F32", 256))
        graph.allocate()
        assert all(0 < graph.seconds() < 1 for _ in range(3))
