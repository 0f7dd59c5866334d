"""What onnxruntime-genai answers with a model of the zoo, for the tests to compare with: `answers.json` beside it.

For each length of prompt the likeliest tokens of each step, best first, with their log probabilities. The answers lie
beside the model because another processor invents other weights.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime_genai as genai
from numpy.typing import NDArray

# Within and beyond the sliding window of 32 tokens, and the 512 of the short rotary factors.
LENGTHS = (5, 31, 40, 200, 700)
_STEPS = 12
_ALTERNATIVES = 8
_CONTEXT = 2048
_FIRST, _PRIME = 20, 997  # tokens that texts are made of


def write(folder: Path, target: Path) -> None:
    """Ask a model, and write its answers into another folder."""
    model = genai.Model(genai.Config(str(folder)))
    answers = [{"prompt": prompt(length), "steps": _ask(model, prompt(length))} for length in LENGTHS]
    (target / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


def prompt(length: int) -> list[int]:
    """Return tokens that differ from the first one on from those of prompts of other lengths."""
    return [_FIRST + (length + place) ** 2 * 31 % _PRIME for place in range(length)]


def _ask(model: genai.Model, tokens: list[int]) -> list[list[tuple[int, float]]]:
    parameters = genai.GeneratorParams(model)
    parameters.set_search_options(do_sample=False, max_length=_CONTEXT)
    generator = genai.Generator(model, parameters)
    generator.append_tokens(np.array([tokens], np.int32))
    steps: list[list[tuple[int, float]]] = []
    while len(steps) < _STEPS and not generator.is_done():
        steps.append(_likeliest(generator.get_logits()[0, -1].astype(np.float64)))
        generator.generate_next_token()
    return steps


def _likeliest(logits: NDArray[np.float64]) -> list[tuple[int, float]]:
    logprobs = logits - logits.max()
    logprobs -= np.log(np.exp(logprobs).sum())
    best = np.argsort(-logprobs, kind="stable")[:_ALTERNATIVES]
    return [(int(token), round(float(logprobs[token]), 5)) for token in best]
