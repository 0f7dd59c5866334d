"""Which type each tensor gets when llama.cpp quantizes a model: `llama_tensor_get_type` in `src/llama-quant.cpp`.

Only the rules for quantizations that are common for small models; the rest is taken for its main type throughout. What
an importance matrix changes is left out: it moves single layers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from agent.gguf.tensor_types import TENSOR_TYPES

BLOCKS = {kind.name: kind for kind in TENSOR_TYPES.values()}  # tensor type by name

_MAIN = {
    "MXFP4_MOE": "MXFP4", "Q2_K_S": "Q2_K", "Q3_K_S": "Q3_K", "Q3_K_M": "Q3_K", "Q3_K_L": "Q3_K", "Q4_K_S": "Q4_K",
    "Q4_K_M": "Q4_K", "Q5_K_S": "Q5_K", "Q5_K_M": "Q5_K", "IQ3_XS": "IQ3_S", "IQ3_M": "IQ3_S",
}  # fmt: skip
_FALLBACKS = {  # where a row is no whole number of blocks
    "Q4_K": "Q5_0",
    "Q5_K": "Q5_1",
    "Q6_K": "Q8_0",
    "IQ4_XS": "IQ4_NL",
    "IQ3_S": "IQ4_NL",
    "IQ3_XXS": "IQ4_NL",
}
_UNQUANTIZED = {"F32", "F16", "BF16"}
_TERNARY = {"TQ1_0", "TQ2_0", "Q2_0"}
_SHARED_VALUES = 4  # query heads per key head from which the values, then small, get more bits


def _all(_layer: int, _layers: int) -> bool:
    return True


def _more_bits(layer: int, layers: int) -> bool:
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2  # noqa: PLR2004 - as there


def _first_eighth(layer: int, layers: int) -> bool:
    return layer < layers // 8


def _first_four(layer: int, _layers: int) -> bool:
    return layer < 4  # noqa: PLR2004 - as there


# Quantization and tensor -> the better type that some layers get, and which layers.
_RAISED: dict[tuple[str, str], tuple[str, Callable[[int, int], bool]]] = {
    ("Q3_K_M", "attn_v"): ("Q4_K", _all),
    ("Q3_K_M", "attn_qkv"): ("Q4_K", _all),
    ("Q3_K_M", "attn_output"): ("Q4_K", _all),
    ("Q3_K_M", "ffn_down"): ("Q4_K", _all),
    ("Q4_K_S", "attn_v"): ("Q5_K", _first_four),
    ("Q4_K_S", "ffn_down"): ("Q5_K", _first_eighth),
    ("Q4_K_M", "attn_v"): ("Q6_K", _more_bits),
    ("Q4_K_M", "attn_qkv"): ("Q5_K", _all),
    ("Q4_K_M", "ffn_down"): ("Q6_K", _more_bits),
    ("Q5_K_M", "attn_v"): ("Q6_K", _more_bits),
    ("Q5_K_M", "attn_qkv"): ("Q6_K", _all),
    ("Q5_K_M", "ffn_down"): ("Q6_K", _more_bits),
    ("IQ4_NL", "ffn_down"): ("Q5_K", _first_eighth),
    ("IQ4_XS", "ffn_down"): ("Q5_K", _first_eighth),
}


@dataclass(frozen=True, slots=True)
class Quantization:
    """How one model is quantized.

    Attributes:
        name: such as `Q4_K_M`; of names with a prefix, such as `UD-Q4_K_XL`, what is known of the rest.
        layers: of the model.
        tied: whether the embedding table is also the output matrix.
        group: query heads per key head.
    """

    name: str
    layers: int
    tied: bool
    group: int = 1

    def type_of(self, name: str, columns: int, layer: int = 0) -> str:
        """Return the type of a matrix, by its name without block and ending, such as `ffn_down`."""
        if name == "ffn_gate_inp" or name.endswith("conv1d") or name == "shortconv.conv":
            return "F32"
        better, applies = self._raised(name)
        return _fitting(better if applies(layer, self.layers) else self._usual(name, columns), columns)

    def types_of(self, name: str, columns: int) -> Iterator[tuple[str, float]]:
        """Yield the types of a matrix of every layer, each with the share of layers that have it."""
        better, applies = self._raised(name)
        share = _share(applies, self.layers)
        if share:
            yield _fitting(better, columns), share
        if share < 1:
            yield _fitting(self._usual(name, columns), columns), 1 - share

    @property
    def _kind(self) -> str:
        return self.name.rpartition("-")[2].replace("_XL", "_M")

    def _usual(self, name: str, columns: int) -> str:
        main = _MAIN.get(self._kind, self._kind)
        main = main if main in BLOCKS else "Q4_K"
        if main in _UNQUANTIZED:
            return main
        if name == "output" or (self.tied and name.endswith("token_embd")):
            return "Q8_0" if main in {"Q8_0", "MXFP4"} or columns % BLOCKS[main].block_elements else "Q6_K"
        if main == "MXFP4":
            return "MXFP4" if name.endswith("_exps") else "Q8_0"
        return "Q4_K" if name.endswith("token_embd") and main in _TERNARY else main

    def _raised(self, name: str) -> tuple[str, Callable[[int, int], bool]]:
        if name == "attn_v" and self._kind in {"IQ4_NL", "IQ4_XS"} and self.group >= _SHARED_VALUES:
            return "Q5_K", _all
        return _RAISED.get((self._kind, name.removesuffix("_exps")), ("", _none))


def _none(_layer: int, _layers: int) -> bool:
    return False


@cache
def _share(applies: Callable[[int, int], bool], layers: int) -> float:
    return sum(applies(layer, layers) for layer in range(layers)) / max(1, layers)


def _fitting(kind: str, columns: int) -> str:
    """Return the type, or what takes its place where a row is no whole number of its blocks."""
    if columns % BLOCKS[kind].block_elements == 0:
        return kind
    fallback = _FALLBACKS.get(kind, "Q4_0")
    return fallback if columns % BLOCKS[fallback].block_elements == 0 else "F16"
