"""`edgewise bench`: how fast the chosen model runs here, and what it takes."""

import argparse
import asyncio
import statistics
import time
from pathlib import Path

import msgspec

from agent.benchmark import request
from agent.cli import settings
from agent.cli.duel import ROUNDS, duel
from agent.cli.terminal import here_and_now, ready
from agent.config import Config, engine_environment
from agent.inference import frames
from agent.node import Node
from agent.units import format_bytes

_ROUNDS = 3
_PREFILL, _DECODE = 512, 128  # tokens, as in llama-bench's pp512 and tg128


class Speed(msgspec.Struct, frozen=True):
    """Tokens per second with some streams at once; decode is the sum over the streams."""

    streams: int
    prefill: float
    decode: float


class Result(msgspec.Struct, frozen=True):
    """What was measured. Seconds, bytes, tokens per second; memory is the proportional set of the engine process."""

    model: str
    build: str
    threads: int
    context: int
    load_seconds: float
    memory_bytes: int
    prefill_tokens: int
    decode_tokens: int
    speeds: list[Speed]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("bench", help="measure prefill and decode speed, load time and memory")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--repeat", type=int, metavar="N", help=f"rounds (default: 3, of a duel {ROUNDS})")
    parser.add_argument(
        "--duel",
        nargs="*",
        metavar="MODEL",
        help="compare a model as GGUF and for ONNX Runtime: the best that is here as both, this one, or these two",
    )
    settings.add(parser, "state_dir", "model", "engine", "context", "parallel", "threads", "micro_batch", "offline")
    parser.set_defaults(handler=bench)


def bench(options: argparse.Namespace, config: Config) -> int:
    """Load the model in an engine of its own and measure it, alone and with all slots busy."""
    if options.duel is not None:
        return duel(options.duel, config, rounds=max(2, options.repeat or ROUNDS), as_json=options.json)
    rounds = max(1, options.repeat or _ROUNDS)
    result = asyncio.run(_measure(config, rounds))
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(result)).decode())
        return 0
    print(f"{result.model}  ({result.build})")
    print(f"threads {result.threads}, context {result.context}")
    print(f"load    {result.load_seconds:.2f} s")
    print(f"memory  {format_bytes(result.memory_bytes)} of the engine process after the runs")
    print(f"\n{'streams':>7}  {'prefill tok/s':>13}  {'decode tok/s':>12}")
    for speed in result.speeds:
        print(f"{speed.streams:7}  {speed.prefill:13.1f}  {speed.decode:12.1f}")
    print(f"\nprompt {result.prefill_tokens} tokens, answer {result.decode_tokens}; medians of {rounds} rounds")
    return 0


async def _measure(config: Config, rounds: int) -> Result:
    node = Node(here_and_now(config), engine_environment())
    node.start()
    try:
        await ready(node)
        info = node.model
        assert info is not None  # noqa: S101 - `ready` has waited for it
        prompt = min(_PREFILL, info.context // 2)
        answer = min(_DECODE, info.context - prompt)
        counts = sorted({1, info.parallel})
        speeds = [await _speed(node, streams, rounds, prompt, answer) for streams in counts]
        return Result(
            model=node.health().model,
            build=info.build,
            threads=node.plan.threads if node.plan else 0,
            context=info.context,
            load_seconds=node.load_seconds,
            memory_bytes=_proportional_set(node.engine_pid),
            prefill_tokens=prompt,
            decode_tokens=answer,
            speeds=speeds,
        )
    finally:
        await node.stop()


async def _speed(node: Node, streams: int, rounds: int, prompt: int, answer: int) -> Speed:
    prefills, decodes = [], []
    for number in range(rounds):
        started = time.perf_counter()
        runs = [_run(node, number * streams + stream, prompt, answer) for stream in range(streams)]
        timings = await asyncio.gather(*runs)
        wall = time.perf_counter() - started
        decode = statistics.median(timing.decode for timing in timings)
        prefills.append(sum(timing.prompt - timing.cached for timing in timings) / max(wall - decode, 1e-9))
        decodes.append(sum((timing.completion - 1) / timing.decode for timing in timings))
    return Speed(streams, statistics.median(prefills), statistics.median(decodes))


async def _run(node: Node, number: int, prompt: int, answer: int) -> frames.Timings:
    """Run one request whose prompt is unlike all earlier ones, and which no token ends early."""
    vocabulary = node.model.vocabulary if node.model else 0
    stream = node.generate(request(vocabulary, number, prompt, answer))
    while events := await stream.events():
        for event in events:
            if isinstance(event, frames.Finished):
                return event.timings
    raise AssertionError("an answer ends with Finished or an error")


def _proportional_set(pid: int) -> int:
    """Return the PSS of a process in bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
