import pytest

from agent.shape import Role, Weights
from agent.shape.repack import repacked

AVX2 = ("avx", "f16c", "fma", "avx2")
AVX512 = (*AVX2, "avx512f")
DOTPROD = ("asimd", "asimdhp", "asimddp")
CORTEX_A72 = ("asimd",)


def weights(kind: str, rows: int = 16, role: Role = "matrix") -> Weights:
    return Weights(role, kind, 1000, 2000, rows, 1000)


@pytest.mark.parametrize(
    ("features", "kinds"),
    [
        (AVX2, {"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"}),
        (AVX512, {"Q4_0", "Q4_K", "IQ4_NL", "MXFP4", "Q2_K"}),
        (DOTPROD, {"Q4_0", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "IQ4_NL", "MXFP4", "Q1_0"}),
        (CORTEX_A72, set()),
        ((), set()),
    ],
)
def test_each_processor_has_its_types(features: tuple[str, ...], kinds: set[str]) -> None:
    known = ["F16", "Q1_0", "Q2_K", "Q3_K", "Q4_0", "Q4_1", "Q4_K", "Q5_0", "Q5_K", "Q6_K", "Q8_0"]
    known += ["IQ4_NL", "IQ4_XS", "MXFP4", "TQ1_0", "TQ2_0"]
    assert {kind for kind in known if repacked(features, weights(kind))} == kinds


def test_the_number_of_rows_must_suit_the_kernel() -> None:
    assert not repacked(AVX2, weights("Q4_0", rows=4))
    assert repacked(DOTPROD, weights("Q4_0", rows=4))
    assert not repacked(DOTPROD, weights("Q4_K", rows=4))


@pytest.mark.parametrize(
    ("role", "expected"), [("tied", True), ("output", True), ("experts", True), ("table", False), ("vector", False)]
)
def test_only_what_is_multiplied_is_repacked(role: Role, *, expected: bool) -> None:
    assert repacked(AVX2, weights("Q4_0", role=role)) is expected
