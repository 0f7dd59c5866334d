"""Sampling for ONNX models: the same distribution as llama.cpp's, without its code."""

import ctypes
import math

import llama_cpp.llama_cpp as lib
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.engines import Sampling
from agent.engines.llama_cpp.sampling import _CANDIDATE, _candidate_array, _chain
from agent.engines.onnx.sampling import Sampler, _pick
from agent.errors import EngineError

SIZE = 5000
PROMPT = [7, 8, 7, *range(90), 7, 11]
SETTINGS = [
    Sampling(),
    Sampling(temperature=0.3),
    Sampling(top_k=40),
    Sampling(top_k=1),
    Sampling(top_k=SIZE + 1),
    Sampling(top_p=0.9),
    Sampling(top_p=0.0),
    Sampling(top_p=0.9999),
    Sampling(min_p=0.05),
    Sampling(min_p=1.0),
    Sampling(0.8, top_k=40, top_p=0.95, min_p=0.05),
    Sampling(1.7, top_k=200, top_p=0.5),
    Sampling(0.7, top_p=0.9, min_p=0.02),
    Sampling(logit_bias={3: 12.0, 4: -100.0, SIZE: 5.0}),
    Sampling(repeat_penalty=1.3),
    Sampling(repeat_penalty=1.3, repeat_last_n=3),
    Sampling(repeat_penalty=1.3, repeat_last_n=0),
    Sampling(frequency_penalty=0.7, presence_penalty=0.4),
    Sampling(0.9, 50, 0.9, 0.01, 1.1, 0.2, 0.3, 16, logit_bias={7: 3.0}),
]


def rows(seed: int, spread: float) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).standard_normal(SIZE) * spread).astype(np.float32)


def ours(sampling: Sampling, drawn: list[int], logits: NDArray[np.float32]) -> dict[int, float]:
    """Return the probability of each token that may be drawn, after others have been."""
    sampler = Sampler(sampling, SIZE, PROMPT)
    for token in drawn:
        if sampler._penalties:
            sampler._penalties.accept(token)
    ids, weights = sampler._weights(sampler._adjusted(logits))
    tokens = range(SIZE) if ids is None else ids.tolist()
    shares = weights.astype(np.float64) / weights.sum(dtype=np.float64)
    return dict(zip(tokens, shares.tolist(), strict=True))


def theirs(sampling: Sampling, drawn: list[int], logits: NDArray[np.float32]) -> dict[int, float]:
    """Return the same from llama.cpp's chain."""
    chain = _chain(sampling, SIZE)
    for token in [*(PROMPT[-sampling.repeat_last_n :] if sampling.repeat_penalty != 1 else []), *drawn]:
        lib.llama_sampler_accept(chain, token)
    candidates = np.zeros(SIZE, _CANDIDATE)
    candidates["id"], candidates["logit"] = np.arange(SIZE), logits
    array = _candidate_array(candidates)
    lib.llama_sampler_apply(chain, ctypes.byref(array))
    lib.llama_sampler_free(chain)
    return {int(array.data[at].id): float(array.data[at].p) for at in range(array.size)}


@pytest.mark.parametrize("spread", [0.5, 3.0, 10.0])
@pytest.mark.parametrize("sampling", SETTINGS, ids=str)
def test_the_distribution_is_that_of_llama_cpp(sampling: Sampling, spread: float) -> None:
    logits = rows(1, spread)
    mine, reference = ours(sampling, [3, 3, 9], logits), theirs(sampling, [3, 3, 9], logits)
    differing = set(mine) ^ set(reference)  # llama.cpp adds up with 24 bits, so the border of top-p may lie elsewhere
    assert sum(mine.get(token, 0) + reference.get(token, 0) for token in differing) < 1e-5
    assert all(mine[token] == pytest.approx(reference[token], abs=1e-5) for token in set(mine) & set(reference))


def test_tokens_are_drawn_as_often_as_their_weights_say() -> None:
    weights = np.exp(rows(2, 2.0))
    count = 20_000
    drawn = np.bincount([_pick(weights, (at + 0.5) / count) for at in range(count)], minlength=SIZE)
    assert np.abs(drawn / count - weights / weights.sum()).max() < 2 / count


@pytest.mark.parametrize("random", [0.0, 0.5, 1 - 2**-53])
def test_what_has_no_weight_is_never_drawn(random: float) -> None:
    weights = np.zeros(4096, np.float32)
    weights[2000:2010] = 1e-20
    assert 2000 <= _pick(weights, random) < 2010


def test_the_same_seed_gives_the_same_tokens_and_another_seed_others() -> None:
    def draw(seed: int | None) -> list[int]:
        sampler = Sampler(Sampling(seed=seed), SIZE, [])
        return [sampler.sample(rows(at, 1.0))[0] for at in range(8)]

    assert draw(5) == draw(5)
    assert draw(5) != draw(6)
    assert draw(-1) == draw(-1)
    assert draw(None) != draw(None)


def test_temperature_0_takes_the_likeliest_token_after_bias_and_penalties() -> None:
    logits = rows(3, 1.0)
    best, second = (int(token) for token in np.argsort(-logits)[:2])
    assert Sampler(Sampling(temperature=0), SIZE, []).sample(logits)[0] == best
    biased = Sampler(Sampling(temperature=0, logit_bias={best: -100.0}), SIZE, [])
    assert biased.sample(logits)[0] == second
    tired = Sampler(Sampling(temperature=0, presence_penalty=100.0), SIZE, [])
    assert [tired.sample(logits)[0] for _ in range(2)] == [best, second]


def test_the_logits_of_the_caller_are_not_changed() -> None:
    logits = rows(4, 1.0)
    before = logits.copy()
    Sampler(Sampling(1.2, 40, 0.9, 0.01, 1.2, 0.1, 0.1, logit_bias={1: 1.0}, seed=1), SIZE, PROMPT).sample(logits)
    assert (logits == before).all()


def test_columns_behind_the_vocabulary_are_never_drawn() -> None:
    logits = np.concatenate([rows(5, 1.0), np.full(8, 99, np.float32)])
    assert Sampler(Sampling(temperature=0), SIZE, []).sample(logits)[0] < SIZE


def test_half_precision_is_widened_before_anything_is_computed() -> None:
    logits = rows(6, 3.0).astype(np.float16)
    token, logprob, top = Sampler(Sampling(temperature=0, top_logprobs=3), SIZE, []).sample(logits)
    wide = logits.astype(np.float64)
    assert token == wide.argmax()
    assert logprob == pytest.approx(wide.max() - math.log(np.exp(wide).sum()), abs=1e-5)
    assert top[0] == (token, logprob)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_not_numbers_are_an_error(bad: float) -> None:
    logits = rows(7, 1.0)
    logits[4321] = bad
    with pytest.raises(EngineError, match="not numbers"):
        Sampler(Sampling(temperature=0), SIZE, []).sample(logits)


def test_a_vocabulary_whose_tokens_are_all_alike_is_no_special_case() -> None:
    alike = np.zeros(SIZE, np.float32)
    assert len(ours(Sampling(top_p=0.5), [], alike)) == SIZE // 2
    assert len(ours(Sampling(top_k=40), [], alike)) == 40
    assert len(ours(Sampling(min_p=1.0), [], alike)) == SIZE
