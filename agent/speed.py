"""How fast a model will be: pure functions of its shape, the plan, and what the machine does.

A token of an answer reads every active weight once, so it costs bytes over bandwidth, with a bandwidth for each tensor
type because the kernels differ: on one AVX-512 machine from 25 GB/s for Q4_1 to 50 for Q4_K. A token of a prompt
shares those reads with its batch and costs multiplications instead. To both comes attention over the tokens before,
and a fixed cost for each operation of the graph, after which the threads wait for each other.
"""

import math
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.plan import Plan
from agent.shape import Shape, Weights

DEPTH = 512  # tokens of conversation at which the decode speed is given
PROMPT = 512  # tokens of a prompt for which the prefill speed is given
_REFERENCE_COLUMNS = 2048  # length of the rows with which `Rates.decode` was measured
# Operations of a block that the threads wait for beyond their work: llama.cpp logs 31 nodes a block for `llama`, of
# which seven are matrix multiplications; most are too short to show. Fitted like the factors in `kernels.py`.
_MULTIPLICATIONS, _OTHERS = 2, 7
# Qwen3-30B-A3B on a Pi 5 and LFM2.5-8B-A1B on a CIX P1 came 16 and 12 % slower than their active weights let expect.
_PUBLISHED_EXPERTS = 1.15
_QUICKEST = 1e-9  # seconds for a token of a model without anything to compute


Rate = Annotated[float, Meta(gt=0)]
Seconds = Annotated[float, Meta(ge=0)]
RateByType = Annotated[dict[str, Rate], Meta(min_length=1)]


class Rates(msgspec.Struct, frozen=True):
    """What a machine does, measured or expected.

    Attributes:
        source: where the numbers come from, in words.
        measured: whether this very machine was measured.
        decode: bytes of weights per second by tensor type, one sequence.
        prefill: multiply-adds per second by tensor type, a batch of 128 tokens and more.
        rows: seconds for each row of a matrix beyond reading it, by tensor type; 0 where rows are interleaved.
        attention_decode: multiply-adds per second in attention by the type of keys and values, one sequence.
        attention_prefill: the same for a batch.
        experts_decode: times that the weights of experts take longer than others, one sequence.
        experts_prefill: the same for a batch, whose tokens go to different experts.
        operation: seconds for a small operation of the graph.
        multiplication: seconds for the smallest matrix multiplication.
    """

    source: str
    measured: bool
    decode: RateByType
    prefill: RateByType
    rows: dict[str, Seconds]
    attention_decode: RateByType
    attention_prefill: RateByType
    experts_decode: Rate
    experts_prefill: Rate
    operation: Seconds
    multiplication: Seconds


class Prediction(msgspec.Struct, frozen=True):
    """Tokens per second for one request alone: of its prompt, and of its answer."""

    prefill: float
    decode: float

    def first_token(self, prompt: int) -> float:
        """Return the seconds until the first token of the answer to a prompt of so many tokens."""
        return prompt / self.prefill + 1 / self.decode


def expected(source: str, bandwidth: float, matrix: float) -> Rates:
    """Return rates for a machine of which only an effective bandwidth (B/s) and matrix rate (1/s) are known.

    Both come from published runs of whole models, so what operations and attention cost is part of them.
    """
    return Rates(
        source=source,
        measured=False,
        decode={"": bandwidth},
        prefill={"": matrix},
        rows={},
        attention_decode={"": math.inf},
        attention_prefill={"": math.inf},
        experts_decode=_PUBLISHED_EXPERTS,
        experts_prefill=1.0,
        operation=0.0,
        multiplication=0.0,
    )


def predict(shape: Shape, plan: Plan, rates: Rates) -> Prediction:
    """Return the expected speed of one request while nobody else asks."""
    prompt = min(PROMPT, plan.context or PROMPT)
    return Prediction(
        prefill=1 / max(_QUICKEST, _prompt_token(shape, plan, rates, prompt)),
        decode=1 / max(_QUICKEST, _answer_token(shape, plan, rates, DEPTH)),
    )


def _answer_token(shape: Shape, plan: Plan, rates: Rates, depth: int) -> float:
    """Return the seconds for one token of an answer after `depth` tokens."""
    seconds = 0.0
    for group in shape.weights:
        share = shape.active_share(group) * (rates.experts_decode if group.role == "experts" else 1.0)
        seconds += share * group.bytes / _rate(rates.decode, group.type)
        if row := rates.rows.get(group.type):
            seconds += share * row * group.elements * (_per_element(shape, group) - 1 / _REFERENCE_COLUMNS)
    attention = _attention(shape, depth) / _rate(rates.attention_decode, shape.kv_type or plan.kv_type)
    return seconds + attention + _waiting(shape, rates)


def _prompt_token(shape: Shape, plan: Plan, rates: Rates, prompt: int) -> float:
    """Return the seconds for one token of a prompt; most models compute logits for its last one only."""
    idle = {"table", "vector"} if shape.all_logits else {"table", "vector", "tied", "output"}
    seconds = sum(
        shape.active_share(group)
        * (rates.experts_prefill if group.role == "experts" else 1.0)
        * group.elements
        / _rate(rates.prefill, group.type)
        for group in shape.weights
        if group.role not in idle
    )
    attention = _attention(shape, prompt / 2) / _rate(rates.attention_prefill, shape.kv_type or plan.kv_type)
    batches = -(-prompt // plan.micro_batch)
    return seconds + attention + _waiting(shape, rates) * batches / prompt


def _per_element(shape: Shape, group: Weights) -> float:
    """Return rows per element: a third of the weights in blocks leads down from the feed-forward network."""
    if group.role in {"tied", "output"} or not shape.feed_forward:
        return 1 / shape.embedding
    return 2 / 3 / shape.embedding + 1 / 3 / shape.feed_forward


def _attention(shape: Shape, depth: float) -> float:
    """Return the multiply-adds of one token's attention over `depth` tokens."""
    return sum(
        group.layers * group.heads * (group.key_length + group.value_length) * min(depth, group.window or depth)
        for group in shape.attention
    )


def _waiting(shape: Shape, rates: Rates) -> float:
    """Return what the operations of one batch cost beyond their work."""
    return shape.layers * (_MULTIPLICATIONS * rates.multiplication + _OTHERS * rates.operation)


def _rate(rates: Mapping[str, float], kind: str) -> float:
    """Return the rate of a type; the slowest that is known for one that was not measured: rare types are slow."""
    return rates.get(kind) or min(rates.values())
