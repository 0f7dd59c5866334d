"""Log probabilities of tokens, as all engines report them."""

import math

import numpy as np
from numpy.typing import NDArray


def log_probabilities(logits: NDArray[np.float32], token: int, top: int) -> tuple[float, tuple[tuple[int, float], ...]]:
    """Return the log probability of a token, and the `top` likeliest tokens with theirs, best first."""
    peak = logits.max()
    total = float(peak) + math.log(np.exp(logits - peak).sum(dtype=np.float64))
    top = min(top, len(logits))
    best = np.argpartition(logits, -top)[-top:] if top else np.empty(0, np.int64)
    ranked = sorted(((int(i), float(logits[i]) - total) for i in best), key=lambda pair: -pair[1])
    return float(logits[token]) - total, tuple(ranked)
