"""How llama.cpp draws tokens: each setting does what its description says."""

import math

import numpy as np
import pytest

from agent.engines import Sampled, Sampling
from agent.engines._logprobs import log_probabilities
from tests.engines.driving import GREEDY, Answer, Loaded, advance, answer, running

OPEN = "The best thing about"
CLEAR = "1 + 1 = 2, 1 + 2 = 3, 1 + 3 ="  # the likeliest token is so by far
AGREE = "yes, yes, yes, yes, yes, yes, yes,"


def draw(llama_cpp: Loaded, text: str, count: int, sampling: Sampling) -> list[int]:
    return answer(llama_cpp.engine, llama_cpp.request(text, sampling), count).tokens


def first(llama_cpp: Loaded, text: str, sampling: Sampling) -> Sampled:
    return answer(llama_cpp.engine, llama_cpp.request(text, sampling), 1).sampled[0]


def seeds(llama_cpp: Loaded, text: str, count: int, *samplings: Sampling) -> list[Answer]:
    """Draw with several settings at once."""
    with running(llama_cpp.engine, *[llama_cpp.request(text, sampling) for sampling in samplings]) as slots:
        return advance(llama_cpp.engine, slots, count)


def test_temperature_0_takes_the_likeliest_token_every_time(llama_cpp: Loaded) -> None:
    sampled = answer(llama_cpp.engine, llama_cpp.request(CLEAR, Sampling(temperature=0, top_logprobs=1)), 6).sampled
    assert [event.token for event in sampled] == [event.top[0][0] for event in sampled]
    assert draw(llama_cpp, CLEAR, 6, GREEDY) == [event.token for event in sampled]


def test_the_same_seed_gives_the_same_tokens_and_another_seed_others(llama_cpp: Loaded) -> None:
    wild = [Sampling(temperature=1.5, seed=seed) for seed in (1, 1, 2)]
    one, again, other = (result.tokens for result in seeds(llama_cpp, OPEN, 10, *wild))
    assert one == again
    assert one != other


def test_without_a_seed_every_draw_is_another(llama_cpp: Loaded) -> None:
    one, other = (result.tokens for result in seeds(llama_cpp, OPEN, 10, Sampling(2.0), Sampling(2.0)))
    assert one != other


@pytest.mark.parametrize("seed", [-1, 0, 2**32, 2**63])
def test_any_integer_is_a_seed(llama_cpp: Loaded, seed: int) -> None:
    one, again = seeds(llama_cpp, OPEN, 4, Sampling(seed=seed), Sampling(seed=seed))
    assert one.tokens == again.tokens or seed % 2**32 == 2**32 - 1  # llama.cpp takes this one for "none"


@pytest.mark.parametrize("narrow", [Sampling(top_k=1), Sampling(top_p=1e-6), Sampling(min_p=1.0)], ids=str)
def test_the_narrowest_choice_is_the_likeliest_token(llama_cpp: Loaded, narrow: Sampling) -> None:
    assert draw(llama_cpp, CLEAR, 6, narrow) == draw(llama_cpp, CLEAR, 6, GREEDY)


def test_top_k_keeps_the_k_likeliest(llama_cpp: Loaded) -> None:
    drawn = [first(llama_cpp, OPEN, Sampling(9.0, top_k=3, seed=seed, top_logprobs=3)) for seed in range(12)]
    assert all(event.token in {token for token, _ in event.top} for event in drawn)
    assert len({event.token for event in drawn}) > 1


def test_min_p_drops_what_is_much_less_likely_than_the_likeliest(llama_cpp: Loaded) -> None:
    drawn = [first(llama_cpp, OPEN, Sampling(9.0, min_p=0.2, seed=seed, top_logprobs=1)) for seed in range(12)]
    shares = [math.exp((event.logprob or 0) - event.top[0][1]) for event in drawn]
    assert min(shares) >= 0.2
    assert min(shares) < 1


def test_a_bias_forbids_a_token(llama_cpp: Loaded) -> None:
    likeliest = draw(llama_cpp, OPEN, 1, GREEDY)[0]
    without = draw(llama_cpp, OPEN, 6, Sampling(temperature=0, logit_bias={likeliest: -100.0}))
    assert likeliest not in without


def test_a_bias_forces_a_token(llama_cpp: Loaded) -> None:
    token = llama_cpp.tokens(" banana")[0]
    assert draw(llama_cpp, OPEN, 3, Sampling(logit_bias={token: 100.0})) == [token] * 3


def test_a_bias_on_no_token_changes_nothing(llama_cpp: Loaded) -> None:
    beyond = Sampling(temperature=0, logit_bias={llama_cpp.info.vocabulary: 100.0, -1: 100.0})
    assert draw(llama_cpp, CLEAR, 6, beyond) == draw(llama_cpp, CLEAR, 6, GREEDY)


@pytest.mark.parametrize(
    "penalty",
    [
        Sampling(temperature=0, frequency_penalty=2.0),
        Sampling(temperature=0, presence_penalty=2.0),
        Sampling(temperature=0, repeat_penalty=1.5),
    ],
    ids=str,
)
def test_penalties_reduce_repetition(llama_cpp: Loaded, penalty: Sampling) -> None:
    assert len(set(draw(llama_cpp, AGREE, 12, penalty))) > len(set(draw(llama_cpp, AGREE, 12, GREEDY)))


def test_penalties_look_no_further_back_than_they_are_told(llama_cpp: Loaded) -> None:
    blind = Sampling(temperature=0, frequency_penalty=2.0, presence_penalty=2.0, repeat_penalty=1.5, repeat_last_n=0)
    assert draw(llama_cpp, AGREE, 6, blind) == draw(llama_cpp, AGREE, 6, GREEDY)


def test_the_repeat_penalty_sees_the_prompt_and_the_other_two_do_not(llama_cpp: Loaded) -> None:
    plain = draw(llama_cpp, AGREE, 1, GREEDY)
    assert draw(llama_cpp, AGREE, 1, Sampling(temperature=0, repeat_penalty=5.0)) != plain
    assert draw(llama_cpp, AGREE, 1, Sampling(temperature=0, presence_penalty=2.0)) == plain


def test_the_probabilities_of_the_whole_vocabulary_add_up_to_one(llama_cpp: Loaded) -> None:
    event = first(llama_cpp, OPEN, Sampling(temperature=0, top_logprobs=llama_cpp.info.vocabulary))
    assert len(event.top) == llama_cpp.info.vocabulary
    assert math.fsum(math.exp(logprob) for _, logprob in event.top) == pytest.approx(1, abs=1e-6)
    assert dict(event.top)[event.token] == event.logprob


def test_alternatives_come_best_first(llama_cpp: Loaded) -> None:
    event = first(llama_cpp, OPEN, Sampling(temperature=0, top_logprobs=5))
    values = [logprob for _, logprob in event.top]
    assert len(values) == 5
    assert values == sorted(values, reverse=True)
    assert len(dict(event.top)) == 5


def test_log_probabilities_are_those_of_the_model_not_those_of_the_sampler(llama_cpp: Loaded) -> None:
    token = llama_cpp.tokens(" banana")[0]
    plain = dict(first(llama_cpp, OPEN, Sampling(temperature=0, top_logprobs=llama_cpp.info.vocabulary)).top)
    forced = first(llama_cpp, OPEN, Sampling(9.0, top_k=2, logit_bias={token: 1000.0}, top_logprobs=1))
    assert forced.token == token
    assert forced.logprob == pytest.approx(plain[token], abs=0.05)


def test_log_probabilities_are_the_logarithm_of_the_softmax() -> None:
    logits = np.array([1000.0, 999.0, -50.0, 998.5], np.float32)  # a naive exponential would overflow
    logprob, top = log_probabilities(logits, 1, 2)
    shares = np.exp(logits.astype(np.float64) - 1000)
    assert logprob == pytest.approx(math.log(shares[1] / shares.sum()))
    assert [token for token, _ in top] == [0, 1]
    assert top[1][1] == logprob


def test_more_alternatives_than_there_are_tokens_are_all_of_them() -> None:
    _, top = log_probabilities(np.array([1.0, 3.0, 2.0], np.float32), 0, 20)
    assert [token for token, _ in top] == [1, 2, 0]
