"""The peer of benchmarks.engines: onnxruntime-genai without anything around it, in a process of its own.

    python engines_peer.py FOLDER WHOLE

FOLDER holds the model, WHOLE the same one with logits of all tokens, without which the requests of the library fail.
Each line of stdin is a JSON object: `how` is `engine` (its requests, in a batch of up to 8) or `generator` (one batch
from the beginning to the end), `texts` are what users say, `tokens` how many each answer has, `late` is what one more
user says when the others have had some. Each line of stdout has the figures.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime_genai as genai

_LEAD = 16  # tokens
_SESSION = 1024  # tokens of a prompt and its answer
_BATCH = '{"engine": {"static_batching": {"max_batch_size": 8}}}'


class Peer:
    """The loaded models."""

    def __init__(self, folder: Path, whole: Path) -> None:
        config = genai.Config(str(whole))
        config.overlay(_BATCH)
        self._engine = genai.Engine(genai.Model(config))
        self._model = genai.Model(genai.Config(str(folder)))
        self._tokenizer = genai.Tokenizer(self._model)
        self._events = self._engine.create_event_buffer(64)

    def engine(self, texts: list[str], tokens: int, late: str) -> dict[str, float]:
        begin = time.perf_counter()
        requests = [self._request(text, tokens) for text in texts]
        seen: dict[int, list[float]] = {index: [] for index in range(len(texts) + 1)}
        arrived = 0.0
        while self._engine.has_pending_requests():
            for event in self._engine.run(self._events):
                if event.flags & genai.EngineEventFlags.TOKEN:
                    seen[requests.index(event.request)].append(time.perf_counter())
            if late and not arrived and len(seen[0]) >= _LEAD:
                requests.append(self._request(late, tokens))
                arrived = time.perf_counter()
        for request in requests:
            request.close()
        streams = [times for times in seen.values() if times]
        if late:
            return {"newcomer": streams[-1][0] - arrived}
        return _figures(streams, begin)

    def generator(self, texts: list[str], tokens: int) -> dict[str, float]:
        begin = time.perf_counter()
        parameters = genai.GeneratorParams(self._model)
        parameters.set_search_options(do_sample=False, max_length=_SESSION, batch_size=len(texts))
        generator = genai.Generator(self._model, parameters)
        generator.append_tokens(self._tokenizer.encode_batch([self._prompt(text) for text in texts]))
        times: list[float] = []
        while len(times) < tokens and not generator.is_done():
            generator.generate_next_token()
            times.append(time.perf_counter())
        return _figures([times] * len(texts), begin)

    def _prompt(self, text: str) -> str:
        messages = json.dumps([{"role": "user", "content": text}])
        prompt: str = self._tokenizer.apply_chat_template(messages, add_generation_prompt=True)
        return prompt

    def _request(self, text: str, tokens: int) -> Any:  # noqa: ANN401 - the library has no types
        options = genai.RequestOptions()
        options.set_max_session_tokens(_SESSION)
        request = self._engine.create_request(options=options)
        turn = genai.TurnOptions(request)
        turn.set_do_sample(False)
        turn.set_max_generated_tokens(tokens)
        request.begin_turn(np.array(self._tokenizer.encode(self._prompt(text)), np.int32), turn)
        return request


def _figures(streams: list[list[float]], begin: float) -> dict[str, float]:
    return {
        "decode": statistics.median((len(times) - 1) / max(times[-1] - times[0], 1e-9) for times in streams),
        "total": sum(map(len, streams)) / (max(times[-1] for times in streams) - begin),
        "ttft": statistics.median(times[0] for times in streams) - begin,
    }


def main() -> None:
    peer = Peer(*map(Path, sys.argv[1:]))
    for line in sys.stdin:
        wanted = json.loads(line)
        if wanted["how"] == "engine":
            found = peer.engine(wanted["texts"], wanted["tokens"], wanted.get("late", ""))
        else:
            found = peer.generator(wanted["texts"], wanted["tokens"])
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
