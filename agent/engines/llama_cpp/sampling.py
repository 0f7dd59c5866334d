"""One sampler per sequence: a chain of llama.cpp's samplers, a grammar beside it, and log probabilities.

The chain's order is that of llama.cpp's server: bias, penalties, top-k, top-p, min-p, temperature, draw.
"""

import ctypes
import json
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TypeAlias

import llama_cpp.llama_cpp as lib
import numpy as np
from llama_cpp.llama_grammar import json_schema_to_gbnf
from numpy.typing import NDArray

from agent.engines import Sampling
from agent.engines._logprobs import log_probabilities
from agent.errors import RequestError

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])  # llama_token_data
_MAX_GRAMMAR = 64 * 1024  # characters; llama.cpp compares every alternative with every other
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems")
_MAX_DEPTH = 4096  # parentheses; at about 15,000 the recursion of llama.cpp's parser ends the process
# The converter lets texts have line ends, which JSON forbids (RFC 8259, section 7); llama.cpp's own does not.
_ANY, _PRINTABLE = r'[^"\\] | "\\"', r'[^"\\\x7F\x00-\x1F] | "\\"'
_RANDOM_SEED = 0xFFFFFFFF  # LLAMA_DEFAULT_SEED

_Handle: TypeAlias = "ctypes._Pointer[lib.llama_sampler]"  # noqa: SLF001 - what the binding's functions return


class Sampler:
    """Draws the tokens of one sequence. `close` it when the sequence ends."""

    def __init__(self, sampling: Sampling, vocabulary: lib.llama_vocab_p, prompt: Sequence[int]) -> None:
        self._size = lib.llama_vocab_n_tokens(vocabulary)
        self._top = sampling.top_logprobs
        self._end = lib.llama_vocab_eos(vocabulary)
        self._grammar = _constraint(sampling, vocabulary)
        self._chain = _chain(sampling, self._size)
        if sampling.repeat_penalty != 1.0:  # as in llama.cpp, this penalty sees the prompt too
            for token in prompt[-sampling.repeat_last_n :]:
                lib.llama_sampler_accept(self._chain, token)

    def sample(self, context: lib.llama_context_p, row: int) -> tuple[int, float | None, tuple[tuple[int, float], ...]]:
        """Draw a token from one row of logits; returns it with its log probability and the top alternatives."""
        if self._grammar is None:
            token = int(lib.llama_sampler_sample(self._chain, context, row))
        else:
            token = self._sample_in_grammar(self._logits(context, row))
        if self._top is None:
            return token, None, ()
        return token, *log_probabilities(self._logits(context, row), token, self._top)

    def close(self) -> None:
        """Free the library's memory."""
        lib.llama_sampler_free(self._chain)
        if self._grammar is not None:
            lib.llama_sampler_free(self._grammar)

    def _logits(self, context: lib.llama_context_p, row: int) -> NDArray[np.float32]:
        pointer = lib.llama_get_logits_ith(context, row)
        return np.ctypeslib.as_array(pointer, shape=(self._size,))

    def _sample_in_grammar(self, logits: NDArray[np.float32]) -> int:
        """Draw freely first and ask the grammar about that one token; only if it objects, apply it to all.

        Testing one token is much cheaper than testing the vocabulary (llama.cpp's server does the same).
        """
        token = self._draw(logits, constrained=False)
        if not self._allowed(token):
            token = self._draw(logits, constrained=True)
            if not self._allowed(token):  # no token at all continues what the grammar asks for
                return int(self._end)
        lib.llama_sampler_accept(self._grammar, token)
        lib.llama_sampler_accept(self._chain, token)
        return token

    def _draw(self, logits: NDArray[np.float32], *, constrained: bool) -> int:
        candidates = np.zeros(self._size, _CANDIDATE)
        candidates["id"] = np.arange(self._size)
        candidates["logit"] = logits
        array = _candidate_array(candidates)
        if constrained:
            lib.llama_sampler_apply(self._grammar, ctypes.byref(array))
        lib.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def _allowed(self, token: int) -> bool:
        candidates = np.array([(token, 1.0, 0.0)], _CANDIDATE)
        array = _candidate_array(candidates)
        lib.llama_sampler_apply(self._grammar, ctypes.byref(array))
        return bool(array.data[0].logit != -np.inf)


def _candidate_array(candidates: NDArray[np.void]) -> lib.llama_token_data_array:
    data = candidates.ctypes.data_as(ctypes.POINTER(lib.llama_token_data))
    return lib.llama_token_data_array(data=data, size=len(candidates), selected=-1, sorted=False)


def _schema_grammar(schema: str) -> str:
    """Translate a JSON schema; the converter raises whatever it stumbles over."""
    try:
        _require_bounded(schema)
        return str(json_schema_to_gbnf(schema)).replace(_ANY, _PRINTABLE)
    except Exception as error:
        raise RequestError(
            f"The JSON schema cannot be turned into a grammar: {type(error).__name__} {error}.",
            param="response_format",
        ) from error


def _require_bounded(schema: str) -> None:
    """Refuse a schema whose grammar would be too long, before it is made: a length of 10^9 would take all memory.

    Raises:
        ValueError: it is too long, or asks for too long texts and lists.
    """
    if len(schema) > _MAX_GRAMMAR:
        raise ValueError(f"of {len(schema)} characters, more than {_MAX_GRAMMAR}")
    total = sum(_counts(json.loads(schema)))
    if total > _MAX_GRAMMAR:  # each of them becomes at least one character
        raise ValueError(f"for texts and lists of {total:g} parts in all, more than {_MAX_GRAMMAR}")


def _counts(value: object) -> Iterator[float]:
    """Yield all numbers in a schema by which the converter repeats something."""
    if isinstance(value, dict):
        yield from (count for name in _COUNTS if isinstance(count := value.get(name), int | float))
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _counts(part)


def _constraint(sampling: Sampling, vocabulary: lib.llama_vocab_p) -> "_Handle | None":
    if sampling.schema:
        return _grammar(_schema_grammar(sampling.schema), vocabulary, "response_format")
    return _grammar(sampling.grammar, vocabulary, "grammar") if sampling.grammar else None


def _grammar(text: str, vocabulary: lib.llama_vocab_p, param: str) -> _Handle:
    depth = max(accumulate((letter == "(") - (letter == ")") for letter in text))
    if len(text) > _MAX_GRAMMAR or depth > _MAX_DEPTH:
        raise RequestError(
            f"The grammar has {len(text)} characters and {depth} nested parentheses; "
            f"at most {_MAX_GRAMMAR} and {_MAX_DEPTH} are taken.",
            param=param,
            hint="Ask for shorter texts and lists, and for fewer alternatives.",
        )
    sampler: _Handle = lib.llama_sampler_init_grammar(vocabulary, text.encode(), b"root")
    if not sampler:  # type: ignore[truthy-bool]  # a null pointer is false
        raise RequestError(
            "The grammar cannot be read.",
            param=param,
            hint="It must be GBNF with a rule `root`, without left recursion.",
        )
    return sampler


def _chain(sampling: Sampling, vocabulary_size: int) -> _Handle:
    chain: _Handle = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
    for sampler in _samplers(sampling, vocabulary_size):
        lib.llama_sampler_chain_add(chain, sampler)
    return chain


def _samplers(sampling: Sampling, vocabulary_size: int) -> list[_Handle]:
    members = []
    if sampling.logit_bias:
        items = [lib.llama_logit_bias(*item) for item in sampling.logit_bias.items()]
        biases = (lib.llama_logit_bias * len(items))(*items)
        members.append(lib.llama_sampler_init_logit_bias(vocabulary_size, len(biases), biases))
    penalties = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
    if penalties != (1.0, 0.0, 0.0):
        members.append(lib.llama_sampler_init_penalties(vocabulary_size, sampling.repeat_last_n, *penalties))
    if sampling.temperature <= 0:
        return [*members, lib.llama_sampler_init_greedy()]
    if sampling.top_k > 0:
        members.append(lib.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p < 1:
        members.append(lib.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p > 0:
        members.append(lib.llama_sampler_init_min_p(sampling.min_p, 1))
    members.append(lib.llama_sampler_init_temp(sampling.temperature))
    seed = _RANDOM_SEED if sampling.seed is None else sampling.seed & 0xFFFFFFFF
    return [*members, lib.llama_sampler_init_dist(seed)]
