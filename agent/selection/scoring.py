"""What a model is worth: its published quality, less what quantization costs, plus what speed is worth."""

import math

from agent.catalog import File, Model
from agent.selection.policy import Policy, Preference

# Points of quality on the scale of MMLU-Pro that a quantization costs. Ordered and spaced after the perplexities in
# llama.cpp's tools/quantize/README.md (Llama-3.1-8B: Q8_0 +0.003, Q6_K +0.022, Q5_K_M +0.057, Q4_K_M +0.175,
# Q4_0 +0.469, Q3_K_M +0.657, Q2_K +3.52); a judgement, not a measurement. int4 of ONNX Runtime is what Q4_0 is:
# rounded to the nearest of 16 steps in blocks of 32. Published for rounding in blocks of 128: 2.8 points of MMLU-Pro
# less (amd/Qwen3.6-35B-A3B-Quark-INT4-G128); small models lose more than large ones. With the layers that matter most
# as int8 (`int4 mixed`) half of it is lost, by the KL divergence of the starter model (docs/convert.md).
_COSTS = {
    "F32": 0.0, "F16": 0.0, "BF16": 0.0, "Q8_0": 0.0, "Q6_K": 0.3, "Q5_K_M": 0.8, "Q5_K_S": 1.0, "Q5_1": 1.0,
    "Q5_0": 1.2, "UD-Q4_K_XL": 1.7, "UD-Q4_K_M": 1.8, "Q4_K_M": 2.0, "Q4_K_S": 2.4, "IQ4_NL": 2.4, "IQ4_XS": 2.6,
    "Q4_1": 3.0, "Q4_0": 4.0, "MXFP4_MOE": 2.0, "Q3_K_L": 5.0, "Q3_K_M": 6.0, "Q3_K_S": 8.0, "Q2_K": 15.0,
    "fp32": 0.0, "fp16": 0.0, "int8": 0.3, "int4 mixed": 2.0, "int4": 4.0,
}  # fmt: skip
_NATIVE = {"MXFP4", "Q1_0", "Q2_0", "I2_S", "TQ1_0", "TQ2_0"}  # of models that were trained in them
_UNKNOWN = 8.0  # quantizations below four bits that nobody has published numbers for
_TRAINED = 0.35  # of the cost remains after quantization-aware training (LiquidAI: QAD keeps 96.5-97.4 % of BF16)

_ESTIMATED = 3.0  # points off where the score is a guess or mapped from another benchmark
# Published with thinking, run without: Qwen3-4B-2507 has MMLU-Pro 69.6 without and 74.0 with it; MMLU-Redux of
# Qwen3 1.7B to 14B differs by 6 to 10 points.
_WITHOUT_THINKING = 6.0
_DOUBLING: dict[Preference, float] = {"quality": 1.0, "balanced": 3.0, "speed": 6.0}  # points for twice the least speed
# What a specialist is worth in its field beside models for chat: lifts Qwen2.5-Coder just above Qwen2.5 of the same
# size, and not above models for chat that are a generation ahead; a judgement.
_SPECIALIST = 12.0
_MOST_DOUBLINGS = 2.5  # faster than one reads; beyond that more speed is of no use


def score(model: Model, file: File, pace: float, policy: Policy, *, thinking: bool) -> dict[str, float]:
    """Return the parts of the score by reason; their sum ranks.

    Args:
        model: whose quality counts.
        file: whose quantization counts.
        pace: how many times the least pleasant speed it reaches.
        policy: what the model is for, and what speed is worth.
        thinking: whether the model will think before it answers.
    """
    parts = {"quality": model.quality.score}
    if model.quality.estimated:
        parts["estimated"] = -_ESTIMATED
    if model.quality.mode == "thinking" and not thinking:
        parts["without thinking"] = -_WITHOUT_THINKING
    if policy.use != "chat" and policy.use in model.use:
        parts[policy.use] = _SPECIALIST
    if cost := quantization_cost(file):
        parts[file.quantization] = -cost
    doublings = math.log2(max(pace, 2**-_MOST_DOUBLINGS))
    parts["speed"] = _DOUBLING[policy.prefer] * min(_MOST_DOUBLINGS, doublings)
    return {reason: round(points, 1) for reason, points in parts.items()}


def quantization_cost(file: File) -> float:
    """Return the points that a file's quantization costs."""
    if file.quantization in _NATIVE:
        return 0.0
    cost = _COSTS.get(file.quantization, _UNKNOWN)
    return cost * _TRAINED if file.trained else cost
