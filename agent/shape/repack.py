"""Which weights llama.cpp's CPU backend copies into an interleaved form, for kernels that work on several rows at once.

After `ggml_repack_get_optimal_repack_type` and `supports_op` in `ggml/src/ggml-cpu/repack.cpp` of llama.cpp as bundled
with llama-cpp-python 0.3.36. The other such copies, for AMX (`ggml/src/ggml-cpu/amx`), do not occur: `make setup`
compiles AMX out, because its kernels crash.
"""

from collections.abc import Collection

from agent.shape import Weights

# Tensor type -> multiple of which its rows must be.
_AVX2 = {"Q4_0": 8, "Q4_K": 8, "IQ4_NL": 8, "MXFP4": 8}
_AVX512 = {"Q2_K": 8}
_DOTPROD = {"Q4_0": 4, "Q4_K": 8, "Q5_K": 8, "Q6_K": 8, "Q8_0": 4, "IQ4_NL": 4, "MXFP4": 4, "Q1_0": 4}


def repacked(features: Collection[str], group: Weights) -> bool:
    """Whether these weights are copied on a CPU with these features, named as in /proc/cpuinfo."""
    if group.role not in {"matrix", "output", "experts", "tied"}:
        return False
    multiple = 0
    if "avx2" in features:
        multiple = _AVX2.get(group.type, 0)
        if "avx512f" in features:
            multiple = multiple or _AVX512.get(group.type, 0)
    elif "asimddp" in features:  # every CPU with the i8mm kernels, which cover the same types, has it too
        multiple = _DOTPROD.get(group.type, 0)
    return bool(multiple) and group.rows % multiple == 0
