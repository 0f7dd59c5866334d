"""Answers that must match a JSON schema or a GBNF grammar, by llguidance."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper
from numpy.typing import NDArray

from agent.engines import Sampling
from agent.engines.onnx.grammar import from_gbnf
from agent.engines.onnx.schema import from_schema
from agent.engines.onnx.vocabulary import Vocabulary
from agent.errors import RequestError

logger = logging.getLogger(__name__)

_MAX_TEXT = 64 * 1024  # characters, as with llama.cpp
# The compiler follows references by recursion: 1,000 of them in a row, which 64 KiB have room for, end a process with
# the usual stack of 8 MiB. What is not used of this one takes no memory.
_STACK = 512 * 1024 * 1024
_LIMITS = LLParserLimits(
    max_items_in_row=10_000,  # alternatives at one place
    step_max_items=100_000,  # of the parser for one token
    max_lexer_states=25_000,  # about 2 KB each
    max_grammar_size=100_000,  # symbols
    verbose_errors=False,
)
_MAX_REASON = 200  # characters of the library's messages that are passed on
_SCHEMA_HINT = "Leave out what is not known; ask for shorter texts and lists, and for fewer alternatives."
_GRAMMAR_HINT = "It must be GBNF with a rule `root`; ask for shorter texts and lists, and for fewer alternatives."


class Constraints:
    """Makes the constraints of the sequences of one model."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._tokens: LLTokenizer | None = None

    def of(self, sampling: Sampling) -> "Matcher | None":
        """Return what a sequence must match, or None.

        Raises:
            RequestError: schema or grammar cannot be read, cannot be enforced, or is too large.
        """
        if sampling.schema:
            return self._matcher(sampling.schema, from_schema, "response_format", _SCHEMA_HINT)
        if sampling.grammar:
            return self._matcher(sampling.grammar, from_gbnf, "grammar", _GRAMMAR_HINT)
        return None

    def _matcher(self, text: str, translate: Callable[[str], str], param: str, hint: str) -> "Matcher":
        try:
            if len(text) > _MAX_TEXT:
                raise ValueError(f"it has {len(text)} characters, more than {_MAX_TEXT}")  # noqa: TRY301 - one place
            return Matcher(self._compile(translate(text)), self._vocabulary.ends)
        except (ValueError, RecursionError) as error:
            what = "grammar" if param == "grammar" else "JSON schema"
            reason = " ".join(str(error).split())[:_MAX_REASON].rstrip(".")
            raise RequestError(f"The {what} cannot be enforced: {reason}.", param=param, hint=hint) from error

    def _compile(self, grammar: str) -> LLMatcher:
        tokens = self._tokenizer()
        matcher = _on_large_stack(lambda: LLMatcher(tokens, grammar, log_level=0, limits=_LIMITS))
        matcher.compute_bitmask()  # what is too much for the first token is refused rather than answered with nothing
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return matcher

    def _tokenizer(self) -> LLTokenizer:
        """Return the library's table of tokens: 13 MB and 0.2 s for 49,152 tokens, so only where it is needed."""
        if self._tokens is None:
            if not self._vocabulary.ends:
                raise ValueError("the model has no token that ends an answer")
            self._tokens = LLTokenizer(_Tokens(self._vocabulary), eos_token=sorted(self._vocabulary.ends))
        return self._tokens


class Matcher:
    """What one sequence must match, and how far it is. See `agent.engines.onnx.sampling.Constraint`."""

    def __init__(self, matcher: LLMatcher, ends: frozenset[int]) -> None:
        self.end = min(ends)
        self._ends = ends
        self._matcher = matcher

    def allows(self, token: int) -> bool:
        """Tell whether this token may come next; takes microseconds."""
        if self._matcher.is_stopped():
            return token in self._ends
        return bool(self._matcher.validate_tokens([token]))

    def allowed(self) -> NDArray[np.intp]:
        """Return all tokens that may come next; none where the library gives up."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        if self._matcher.is_error():
            logger.warning("An answer ends early: what it must match has become too much for the library.")
            return np.empty(0, np.intp)
        return np.flatnonzero(np.unpackbits(bits, bitorder="little"))

    def accept(self, token: int) -> None:
        """Go on behind a token."""
        if not self._matcher.is_stopped():
            self._matcher.consume_token(token)


class _Tokens(TokenizerWrapper):
    """A vocabulary as llguidance wants to see it. Its own reader of `tokenizer.json` takes three times the memory."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.eos_token_id = min(vocabulary.ends)
        self.bos_token_id = None
        self.tokens = list(vocabulary.pieces())
        self.special_token_ids = [token for token in range(vocabulary.size) if vocabulary.is_control(token)]
        self.is_tokenizer_wrapper = True
        self._vocabulary = vocabulary

    def __call__(self, text: str) -> list[int]:
        return self._vocabulary.tokenize(text, special=False, begin=False)


def _on_large_stack(work: Callable[[], LLMatcher]) -> LLMatcher:
    """Return what a function returns that runs in a thread with a stack of its own."""
    before = threading.stack_size(_STACK)
    try:
        with ThreadPoolExecutor(1, "grammar") as pool:
            return pool.submit(work).result()
    finally:
        threading.stack_size(before)
