"""One sampler per sequence: from a row of logits to the next token.

The order is that of llama.cpp's server: bias, penalties, top-k, top-p, min-p, temperature, draw. Nothing sorts or
adds up the whole vocabulary unless it must: with 262,144 tokens that would take longer than a small model.
"""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agent.engines import Sampling
from agent.engines._logprobs import log_probabilities
from agent.errors import EngineError

_ROWS = 64  # of a table of all logits, for the search of the best ones
_BLOCK = 1024  # weights that are added up at once
_SEEDS = 2**64


class Constraint(Protocol):
    """What the answer must match. A sequence ends with `end` where nothing can continue it."""

    end: int

    def allows(self, token: int) -> bool:
        """Tell whether this token may come next."""

    def allowed(self) -> NDArray[np.intp]:
        """Return all tokens that may come next."""

    def accept(self, token: int) -> None:
        """Go on behind a token."""


class Sampler:
    """Draws the tokens of one sequence."""

    def __init__(
        self, sampling: Sampling, vocabulary_size: int, prompt: Sequence[int], constraint: Constraint | None = None
    ) -> None:
        self._sampling = sampling
        self._size = vocabulary_size
        self._constraint = constraint
        seed = None if sampling.seed is None else sampling.seed % _SEEDS
        self._random = np.random.default_rng(seed)
        bias = {token: value for token, value in sampling.logit_bias.items() if 0 <= token < vocabulary_size}
        self._biased = np.array(list(bias), np.intp)
        self._bias = np.array(list(bias.values()), np.float32)
        self._penalties = _Penalties(sampling, prompt) if _penalised(sampling) else None

    def sample(self, logits: NDArray[np.floating]) -> tuple[int, float | None, tuple[tuple[int, float], ...]]:
        """Draw a token from the logits, shape [vocabulary]; returns it, its log probability, top alternatives.

        Raises:
            EngineError: the logits are not numbers.
        """
        plain = logits[: self._size].astype(np.float32, copy=False)
        if not np.isfinite(plain[plain.argmax()]):  # argmax stops at the first that is not a number
            raise EngineError(
                "The model gave logits that are not numbers.",
                hint="Its weights may not suit this computer; `edgewise models verify` tells whether they are damaged.",
            )
        token = self._choose(self._adjusted(plain))
        if self._penalties:
            self._penalties.accept(token)
        if self._sampling.top_logprobs is None:
            return token, None, ()
        return token, *log_probabilities(plain, token, self._sampling.top_logprobs)

    def _adjusted(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply bias and penalties to a copy, if there are any."""
        if not len(self._biased) and not self._penalties:
            return logits
        changed = logits.copy()
        changed[self._biased] += self._bias
        if self._penalties:
            self._penalties.apply(changed)
        return changed

    def _choose(self, logits: NDArray[np.float32]) -> int:
        """Draw freely first and ask the constraint about that one token; only if it objects, ask it for all.

        Testing one token is much cheaper than testing the vocabulary (llama.cpp's server does the same).
        """
        token = self._draw(logits)
        if self._constraint is None:
            return token
        if not self._constraint.allows(token):
            allowed = self._constraint.allowed()
            possible = len(allowed) and np.isfinite(logits[allowed].max())
            token = int(allowed[self._draw(logits[allowed])]) if possible else self._constraint.end
        self._constraint.accept(token)
        return token

    def _draw(self, logits: NDArray[np.float32]) -> int:
        if self._sampling.temperature <= 0:
            return int(logits.argmax())
        ids, weights = self._weights(logits)
        index = _pick(weights, self._random.random())
        return index if ids is None else int(ids[index])

    def _weights(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.intp] | None, NDArray[np.float32]]:
        """Return the tokens that are left, None for all, and how likely each is to be drawn."""
        ids, kept = survivors(logits, self._sampling)
        return ids, np.exp((kept - kept.max()) / np.float32(self._sampling.temperature))


def survivors(logits: NDArray[np.float32], sampling: Sampling) -> tuple[NDArray[np.intp] | None, NDArray[np.float32]]:
    """Return the tokens that top-k, top-p and min-p leave, and their logits; None instead of all tokens."""
    ids: NDArray[np.intp] | None = None
    if sampling.top_k > 0:
        ids = best(logits, sampling.top_k)
        logits = logits[ids]
    if sampling.top_p < 1:
        kept = _nucleus(logits, sampling.top_p)
        ids, logits = kept if ids is None else ids[kept], logits[kept]
    if sampling.min_p > 0:
        kept = np.flatnonzero(logits >= logits.max() + np.float32(np.log(sampling.min_p)))
        ids, logits = kept if ids is None else ids[kept], logits[kept]
    return ids, logits


def best(logits: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the `count` likeliest tokens, best first.

    They are written as a table. As many columns as are wanted have a maximum that is at least x, so as many tokens
    are at least x, and few more: these are sorted. Partitioning all takes 5 times as long, 90 without AVX-512.
    """
    columns = len(logits) // _ROWS
    candidates: NDArray[np.intp] | None = None
    if columns > count:
        maxima = logits[: _ROWS * columns].reshape(_ROWS, columns).max(axis=0)
        candidates = np.flatnonzero(logits >= np.partition(maxima, -count)[-count])
    values = logits if candidates is None else logits[candidates]
    count = min(count, len(values))
    top = np.argpartition(values, -count)[-count:]
    top = top[np.argsort(-values[top], kind="stable")]
    return top if candidates is None else candidates[top]


def _nucleus(logits: NDArray[np.float32], share: float) -> NDArray[np.intp]:
    """Return the fewest tokens whose probabilities reach a share.

    The weight of the last of them is looked for by halving, with the mean as the border: few tokens are above it.
    """
    weights = np.exp(logits - logits.max())
    wanted = share * float(weights.sum(dtype=np.float64))
    pool, above = weights, 0.0  # where the last one is, and the sum of all that are likelier than those
    while len(pool) > _BLOCK:
        upper = pool > pool.mean()
        heavy = pool[upper]
        reached = above + float(heavy.sum(dtype=np.float64))
        if not len(heavy):  # all alike
            break
        if reached >= wanted:
            pool = heavy
        else:
            pool, above = pool[~upper], reached
    ranked = -np.sort(-pool)
    last = int(np.searchsorted(above + np.cumsum(ranked, dtype=np.float64), wanted))
    border = ranked[min(last, len(ranked) - 1)]
    alike = last + 1 - int((ranked[: last + 1] > border).sum())
    return np.concatenate([np.flatnonzero(weights > border), np.flatnonzero(weights == border)[:alike]])


def _pick(weights: NDArray[np.float32], random: float) -> int:
    """Return an index, each as likely as its weight says; `random` is evenly spread over [0, 1).

    Adding up blocks first makes it twenty times as fast as the running sum of a whole vocabulary.
    """
    blocks = np.cumsum(np.add.reduceat(weights, np.arange(0, len(weights), _BLOCK), dtype=np.float64))
    target = random * blocks[-1]
    block = _behind(blocks, target)
    begin = block * _BLOCK
    inside = np.cumsum(weights[begin : begin + _BLOCK], dtype=np.float64)
    return begin + _behind(inside, target - (blocks[block - 1] if block else 0.0))


def _behind(sums: NDArray[np.float64], target: float) -> int:
    """Return the first index whose running sum exceeds the target; never one that adds nothing, however it rounds."""
    return int(np.searchsorted(sums, min(target, np.nextafter(sums[-1], 0)), side="right"))


def _penalised(sampling: Sampling) -> bool:
    wanted = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty) != (1.0, 0.0, 0.0)
    return wanted and sampling.repeat_last_n > 0


class _Penalties:
    """What the last tokens cost."""

    def __init__(self, sampling: Sampling, prompt: Sequence[int]) -> None:
        self._sampling = sampling
        self._last: deque[int] = deque()
        self._counts: Counter[int] = Counter()
        if sampling.repeat_penalty != 1.0:  # as in llama.cpp, this penalty sees the prompt too
            for token in prompt[-sampling.repeat_last_n :]:
                self.accept(token)

    def accept(self, token: int) -> None:
        """Count a token, and no longer the one that is now too far back."""
        self._last.append(token)
        self._counts[token] += 1
        if len(self._last) > self._sampling.repeat_last_n:
            old = self._last.popleft()
            self._counts[old] -= 1
            if not self._counts[old]:
                del self._counts[old]

    def apply(self, logits: NDArray[np.float32]) -> None:
        """Change the logits in place; those below zero are multiplied, or they would become likelier."""
        tokens = np.fromiter(self._counts, np.intp, len(self._counts))
        counts = np.fromiter(self._counts.values(), np.float32, len(self._counts))
        values = logits[tokens]
        repeated = np.float32(self._sampling.repeat_penalty)
        values = np.where(values <= 0, values * repeated, values / repeated)
        logits[tokens] = values - (counts * self._sampling.frequency_penalty + self._sampling.presence_penalty)
