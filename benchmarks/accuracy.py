"""How right the speed predictions are: for models on this machine, and for published figures of others.

`python -m benchmarks.accuracy [--write docs/accuracy.md]`. Each model is loaded in an engine process; its speed is
predicted before, from one measurement of the kernels, and nothing is learnt from one model for the next.
"""

import argparse
import asyncio
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.config import engine_environment
from agent.engines import Sampling
from agent.gguf import read_header
from agent.hardware import probe
from agent.inference import frames
from agent.inference.measuring import measure
from agent.inference.process import EngineProcess
from agent.memory import recommend_mapped
from agent.plan import Plan
from agent.shape.header import shape_of
from agent.speed import PROMPT, Prediction, Rates, predict
from benchmarks import models, servers
from tests import published_speeds

CONTEXT = 1024
_ANSWER = 64  # tokens
_ROUNDS = 5
_MEASUREMENTS = 3  # of the kernels
_RATES = ("decode", "prefill", "attention_decode", "attention_prefill")
_MEMORY = 4 << 30
_QUIET = 1.0  # per cent of the last 10 s in which a program waited for a CPU
_PATIENCE = 300.0


@dataclass(frozen=True)
class Row:
    """One model: what was predicted and what came."""

    model: str
    predicted: Prediction
    measured: Prediction

    @property
    def decode_error(self) -> float:
        return self.predicted.decode / self.measured.decode - 1

    @property
    def prefill_error(self) -> float:
        return self.predicted.prefill / self.measured.prefill - 1


async def speed(path: Path, plan: Plan, vocabulary: int, engine: str = "llama_cpp") -> Prediction:
    """Return the median speed of some answers to prompts that are unlike each other."""
    inbox: asyncio.Queue[frames.FromEngine | str] = asyncio.Queue()
    process = await EngineProcess.start(engine, engine_environment(), inbox.put_nowait)
    try:
        process.send(frames.Load(str(path), plan, extra_buffers=True))
        timings = []
        for number in range(_ROUNDS + 1):  # the first one warms up
            prompt = [256 + (number * 7919 + index * 31) % (vocabulary // 2) for index in range(PROMPT)]
            sampling = Sampling(temperature=0.8, top_k=40, seed=number)
            process.send(frames.Generate(number, sampling, prompt=prompt, max_tokens=_ANSWER, ignore_end=True))
            timings.append(await _finished(inbox))
    finally:
        await process.stop(5)
    return Prediction(
        prefill=statistics.median((run.prompt - run.cached) / run.prefill for run in timings[1:]),
        decode=statistics.median(run.decode_rate for run in timings[1:]),
    )


async def _finished(inbox: "asyncio.Queue[frames.FromEngine | str]") -> frames.Timings:
    while True:
        frame = await asyncio.wait_for(inbox.get(), _PATIENCE)
        if isinstance(frame, frames.LoadFailed):
            raise SystemExit(frame.message)
        if isinstance(frame, frames.Events):
            for event in frame.events:
                if isinstance(event, frames.Finished):
                    return event.timings


def quiet() -> None:
    """Wait until no other program wants the processor; a few minutes at most."""
    end = time.monotonic() + _PATIENCE
    pressure = Path("/proc/pressure/cpu")
    while pressure.is_file() and time.monotonic() < end:
        waiting = float(pressure.read_text().partition("avg10=")[2].split()[0])
        if waiting < _QUIET:
            return
        time.sleep(5)


def kernels(threads: int, engine: str = "llama_cpp") -> Rates:
    """Return what the kernels of this machine do: the quickest of some measurements, as on a quiet machine."""
    quiet()
    runs = [
        asyncio.run(measure(engine, engine_environment(), threads=threads, memory=_MEMORY))
        for _ in range(_MEASUREMENTS)
    ]
    best = runs[0]
    for run in runs[1:]:
        best = msgspec.structs.replace(
            best,
            **{name: _most(getattr(best, name), getattr(run, name)) for name in _RATES},
            operation=min(best.operation, run.operation),
            multiplication=min(best.multiplication, run.multiplication),
        )
    return best


def _most(left: dict[str, float], right: dict[str, float]) -> dict[str, float]:
    return {kind: max(rate, right.get(kind, 0.0)) for kind, rate in left.items()}


def row(name: str, path: Path, rates: Rates, threads: int) -> Row:
    shape = shape_of(read_header(path))
    mapped = recommend_mapped(shape, probe().cpu.features)
    plan = Plan(CONTEXT, 1, threads, 512, mapped=mapped)
    quiet()
    return Row(
        name.removesuffix(".gguf").rpartition("/")[2],
        predict(shape, plan, rates),
        asyncio.run(speed(path, plan, shape.vocabulary)),
    )


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table with medians and worst errors."""
    lines = [
        "| model | decode predicted | measured | error | prefill predicted | measured | error |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        decode = f"{one.predicted.decode:.1f} | {one.measured.decode:.1f} | {one.decode_error:+.0%}"
        prefill = f"{one.predicted.prefill:.0f} | {one.measured.prefill:.0f} | {one.prefill_error:+.0%}"
        lines.append(f"| {one.model} | {decode} | {prefill} |")
    decodes, prefills = [abs(one.decode_error) for one in rows], [abs(one.prefill_error) for one in rows]
    decode = f"decode: median error {statistics.median(decodes):.0%}, worst {max(decodes):.0%}"
    prefill = f"prefill: median {statistics.median(prefills):.0%}, worst {max(prefills):.0%}"
    return "\n".join([*lines, "", f"{len(rows)} models; {decode}; {prefill}."])


def published() -> str:
    """Return the published figures beside the predictions of the profiles, as a Markdown table."""
    profiles, catalog = published_speeds.profiles(), published_speeds.models()
    lines = ["| profile | model | published | predicted | error | source |", "|---|---|---|---|---|---|"]
    errors = []
    for one in published_speeds.published():
        predicted = published_speeds.predicted(one, profiles, catalog)
        errors.append(abs(predicted / one.decode - 1))
        name = f"{one.model} {one.quantization}"
        note = f"{one.source}. Miss: {one.miss}" if one.miss else one.source
        figures = f"{one.decode:g} | {predicted:.2f} | {predicted / one.decode - 1:+.0%}"
        lines.append(f"| {one.profile} | {name} | {figures} | {note} |")
    within = sum(error <= published_speeds.TOLERANCE for error in errors)
    middle = statistics.median(errors)
    last = f"{within} of {len(errors)} within {published_speeds.TOLERANCE:.0%}; median error {middle:.0%}."
    return "\n".join([*lines, "", last])


def write(page: Path, mark: str, text: str) -> None:
    """Put a table between the marks of a page."""
    begin, end = f"<!-- {mark} -->", f"<!-- end of {mark} -->"
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}")


def _path(name: str, directory: Path) -> Path:
    if name == "starter":
        return servers.starter()
    return models.cached(name, directory) if name in models.RECIPES else Path(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path.home() / ".cache" / "edgewise" / "random-models")
    parser.add_argument("--only", default="", help="measure only models with this in their names")
    parser.add_argument("--extra", type=Path, nargs="*", default=[], help="further model files")
    parser.add_argument("--write", type=Path, help="page to write the tables into")
    options = parser.parse_args()
    threads = len(os.sched_getaffinity(0))
    rates = kernels(threads)
    rows = []
    for name in ("starter", *models.RECIPES, *map(str, options.extra)):
        if options.only in name:
            rows.append(row(name, _path(name, options.models), rates, threads))
            print(table(rows[-1:]).splitlines()[2], flush=True)
    print(f"\n{table(rows)}\n\n{published()}")
    if options.write:
        write(options.write, "measured here", table(rows))
        write(options.write, "published", published())


if __name__ == "__main__":
    main()
