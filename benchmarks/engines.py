"""The engines beside each other and beside onnxruntime-genai, in one run: all are driven in turn with the same prompts.

    python -m benchmarks.engines WHOLE [--rounds N] [--model FOLDER]

The engines onnx and llama_cpp answer through HTTP, with everything that a daemon does besides; onnxruntime-genai is
driven in a process of its own with nothing around it, by its Generator (one batch, all begin together) and by its
Engine (requests). FOLDER holds the model as ONNX, by default the twin of the starter model; WHOLE the same one built
with `prune_lm_head=false`, which Engine needs.

decode    tok/s of the median stream, after its first token; 1, 4 and 8 streams at once, greedy
total     tok/s of all streams together, from the first request to the last token
prompt    seconds to the first token behind a prompt of about 500 tokens
newcomer  seconds to the first token of who comes while three others write
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

import httpx

from benchmarks import servers
from benchmarks.serving import ask, client_of, summary, user

_TOKENS = 128  # of each answer
_STORY = "Write story number {} about a robot who learns to paint. Make it long and full of detail."
_LONG = "Once there was a robot who dreamed in colour and painted boats. " * 36
_QUESTION = "What is {} plus one?"
_LEAD = 0.3  # seconds, about as long as 16 tokens of three streams take
_GREEDY = {"temperature": 0.0}
_PEER = Path(__file__).with_name("engines_peer.py")
_TWIN = servers.HERE / ".venv" / "twin"

Figures: TypeAlias = dict[str, float]
Side: TypeAlias = Callable[[list[str], int, str], Awaitable[Figures]]
"""Answers texts at once with so many tokens each, and one more that comes late if there is one."""


def over_http(client: httpx.AsyncClient) -> Side:
    async def drive(texts: list[str], tokens: int, late: str) -> Figures:
        begin = time.perf_counter()
        jobs = [asyncio.create_task(ask(client, [user(text)], tokens, 0, _GREEDY)) for text in texts]
        if late:
            await asyncio.sleep(_LEAD)
            newcomer = await ask(client, [user(late)], 8, 0, _GREEDY)
            await asyncio.gather(*jobs)
            return {"newcomer": newcomer["ttft"]}
        answers = await asyncio.gather(*jobs)
        return summary(answers, time.perf_counter() - begin)

    return drive


def directly(peer: "subprocess.Popen[str]", how: str) -> Side:
    assert peer.stdin is not None and peer.stdout is not None  # noqa: S101, PT018 - narrows the types
    to, of = peer.stdin, peer.stdout

    async def drive(texts: list[str], tokens: int, late: str) -> Figures:
        print(json.dumps({"how": how, "texts": texts, "tokens": tokens, "late": late}), file=to, flush=True)
        found: Figures = json.loads(of.readline())
        return found

    return drive


async def measure(sides: dict[str, Side], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the values of each figure by side, one for each round."""
    cases: dict[str, tuple[Callable[[int], list[str]], int, str]] = {
        f"{count} streams": (lambda base, count=count: [_STORY.format(base + i) for i in range(count)], _TOKENS, "")  # type: ignore[misc]
        for count in (1, 4, 8)
    }
    cases["prompt"] = (lambda base: [f"Tell me about robot {base}. {_LONG}"], 2, "")
    cases["newcomer"] = (lambda base: [_STORY.format(base + i) for i in range(3)], _TOKENS, _QUESTION)
    values: dict[str, dict[str, list[float]]] = {}
    for case, (texts, tokens, late) in cases.items():
        for number in range(-1, rounds):  # the first round warms up
            for name, drive in sides.items():
                base = 1000 * (number + 2)
                if late and name == "Generator":
                    continue  # its batch takes nobody in
                found = await drive(texts(base), tokens, late.format(base))
                wanted = {"ttft"} if case == "prompt" else found.keys()
                for figure in wanted if number >= 0 else ():
                    values.setdefault(f"{case} {figure}", {}).setdefault(name, []).append(found[figure])
    return values


@contextmanager
def daemon(engine: str, model: Path) -> Iterator[httpx.AsyncClient]:
    """Run a daemon with one of our engines."""
    flags = ("--engine", engine, "--model", str(model), "--parallel", "8", "--context", "1024", "--auth", "open")
    with tempfile.TemporaryDirectory() as state, servers.daemon(Path(state), *flags) as server:
        yield client_of(server.url)


@contextmanager
def genai(folder: Path, whole: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run onnxruntime-genai."""
    command = [sys.executable, str(_PEER), str(folder), str(whole)]
    env = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as peer:
        yield peer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("whole", type=Path)
    parser.add_argument("--model", type=Path, default=_TWIN)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with ExitStack() as stack:
        peer = stack.enter_context(genai(options.model, options.whole))
        sides = {
            "onnx": over_http(stack.enter_context(daemon("onnx", options.model / "model.onnx"))),
            "llama_cpp": over_http(stack.enter_context(daemon("llama_cpp", servers.starter()))),
            "Generator": directly(peer, "generator"),
            "Engine": directly(peer, "engine"),
        }
        values = asyncio.run(measure(sides, options.rounds))
    for figure, by_side in values.items():
        row = [f"{name} {statistics.median(found):9.3f}" for name, found in by_side.items()]
        ratios = [
            f"/{name} {statistics.median(a / b for a, b in zip(by_side['onnx'], found, strict=True)):.2f}"
            for name, found in by_side.items()
            if name != "onnx"
        ]
        print(f"{figure:20}", "  ".join(row), "  onnx", " ".join(ratios))


if __name__ == "__main__":
    main()
