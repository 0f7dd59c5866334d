"""A short run of a model that has just been loaded: how fast it really is, before anybody depends on it."""

import time

from agent.engines import Engine, ModelInfo, Sampled, Sampling, SequenceRequest
from agent.inference.frames import Timings

_PROMPT = 128  # tokens
_ANSWER = 16


def trial(engine: Engine, info: ModelInfo) -> Timings:
    """Read a prompt and answer it, alone.

    Raises:
        EngineError: the engine failed.
    """
    length = max(1, min(_PROMPT, info.context - _ANSWER - 1))
    answer = max(1, min(_ANSWER, info.context - length - 1))
    # Ordinary tokens: those that control are at the ends of a vocabulary.
    tokens = [info.vocabulary // 4 + index * 31 % max(1, info.vocabulary // 4) for index in range(length)]
    started = time.perf_counter()
    slot = engine.start(SequenceRequest(tokens, Sampling(temperature=0)))
    times: list[float] = []
    try:
        while len(times) <= answer:
            times += [time.perf_counter() for event in engine.step() if isinstance(event, Sampled)]
    finally:
        engine.release(slot)
    return Timings(
        prompt=length,
        cached=0,
        completion=answer + 1,
        queued=0.0,
        prefill=times[0] - started,
        decode=times[answer] - times[0],
    )
