import pytest

from agent.shape.quantization import Quantization


def test_k_quants_give_more_bits_to_some_layers() -> None:
    rules = Quantization("Q4_K_M", layers=28, tied=True)
    down = [rules.type_of("ffn_down", 3072, layer) for layer in range(28)]
    assert down[:3] == ["Q6_K"] * 3
    assert down[3:9] == ["Q4_K", "Q4_K", "Q6_K"] * 2
    assert down[-4:] == ["Q6_K"] * 4
    assert rules.type_of("attn_q", 1024, 0) == "Q4_K"


def test_shares_are_those_of_the_layers() -> None:
    rules = Quantization("Q4_K_M", layers=28, tied=True)
    down = [rules.type_of("ffn_down", 3072, layer) for layer in range(28)]
    assert dict(rules.types_of("ffn_down", 3072)) == {kind: down.count(kind) / 28 for kind in ("Q6_K", "Q4_K")}


@pytest.mark.parametrize(
    ("name", "tensor", "columns", "expected"),
    [
        ("Q4_0", "token_embd", 1024, "Q6_K"),
        ("Q4_0", "attn_output", 1024, "Q4_0"),
        ("Q4_K_M", "token_embd", 640, "Q8_0"),  # no whole number of super-blocks
        ("Q4_K_M", "attn_q", 640, "Q5_0"),
        ("Q8_0", "token_embd", 1024, "Q8_0"),
        ("MXFP4_MOE", "ffn_up_exps", 2880, "MXFP4"),
        ("MXFP4_MOE", "attn_q", 2880, "Q8_0"),
        ("UD-Q4_K_XL", "ffn_up", 1024, "Q4_K"),
        ("F16", "ffn_up", 1024, "F16"),
        ("2.70bpw", "ffn_up", 1024, "Q4_K"),
        ("Q4_0", "ffn_gate_inp", 1024, "F32"),
    ],
)
def test_tied_models_follow_llama_cpp(name: str, tensor: str, columns: int, expected: str) -> None:
    assert Quantization(name, layers=28, tied=True).type_of(tensor, columns, 10) == expected


def test_an_untied_table_gets_the_main_type() -> None:
    assert Quantization("Q4_0", layers=28, tied=False).type_of("token_embd", 1024) == "Q4_0"
    assert Quantization("Q4_0", layers=28, tied=False).type_of("output", 1024) == "Q6_K"
