"""What the engine process really takes at its peak, beside what `agent.memory` says beforehand.

    python -m benchmarks.memory [--models DIR] [--only TEXT] [--write docs/memory.md]
    python -m benchmarks.memory --file FILE

Models with random weights in the shapes of real ones are written into a directory outside the checkout (about 10 GB).
Each row is an engine process of its own: it loads, reads a prompt in every slot at once, answers a few tokens and is
asked for its VmHWM. The cache is cleared, and so resident, from the start; prompts need not fill it.
"""

import argparse
import asyncio
import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from msgspec.structs import replace

from agent.config import engine_environment
from agent.engines import Sampling
from agent.gguf import read_header
from agent.hardware import probe
from agent.inference import frames
from agent.inference.process import EngineProcess
from agent.memory import estimate, recommend_mapped
from agent.plan import KvType, Plan
from agent.shape.header import shape_of
from benchmarks import models, servers

MIB = 1 << 20
_BEGIN, _END = "<!-- accuracy: written by benchmarks/memory.py -->", "<!-- accuracy: end -->"
_PROMPT_TOKENS = 800  # of all slots together
_ANSWER_TOKENS = 4
SHARE = 0.6  # of the available memory that a row may take
_PATIENCE = 300  # seconds
# Context, slots, type of keys and values. Other quantizations of the same model are measured in the first two only.
_PLANS: tuple[tuple[int, int, KvType], ...] = (
    (512, 1, "f16"),
    (2048, 4, "f16"),
    (8192, 1, "q8_0"),
    (8192, 4, "q8_0"),
    (32768, 1, "f16"),
)


Inbox: TypeAlias = "asyncio.Queue[frames.FromEngine | str]"  # a text says how the process ended


@dataclass(frozen=True)
class Row:
    """One measurement, in bytes."""

    model: str
    plan: Plan
    estimated: int
    measured: int

    @property
    def error(self) -> float:
        return self.estimated / self.measured - 1


async def peak(path: Path, plan: Plan, vocabulary: int) -> int:
    """Return the peak resident size of an engine process that has answered in all its slots."""
    inbox: Inbox = asyncio.Queue()
    process = await EngineProcess.start("llama_cpp", engine_environment(), inbox.put_nowait)
    end = asyncio.ensure_future(process.ended())
    end.add_done_callback(lambda how: inbox.put_nowait(how.result()))
    try:
        process.send(frames.Load(str(path), plan, extra_buffers=True))
        await until(inbox, frames.Loaded, 1)
        length = min(_PROMPT_TOKENS // plan.parallel, plan.context - _ANSWER_TOKENS)
        await answer(process, inbox, plan, _prompts(plan, vocabulary, length), length=1)
        await answer(process, inbox, plan, _prompts(plan, vocabulary, _ANSWER_TOKENS), length=_ANSWER_TOKENS)
        return high_water(process.pid)
    finally:
        await process.stop(10)
        await end


def high_water(pid: int) -> int:
    """Return the largest resident size that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


async def answer(process: EngineProcess, inbox: Inbox, plan: Plan, prompts: list[list[int]], *, length: int) -> None:
    """Have a prompt answered in every slot."""
    for number, prompt in enumerate(prompts):
        sampling = Sampling(temperature=0.8, top_k=40, seed=number)
        process.send(frames.Generate(number, sampling, prompt=prompt, max_tokens=length, ignore_end=True))
    await until(inbox, frames.Finished, plan.parallel)


async def until(inbox: Inbox, kind: type[frames.Loaded | frames.Finished], count: int) -> None:
    """Wait for some frames or events of a kind."""
    while count > 0:
        frame = await asyncio.wait_for(inbox.get(), _PATIENCE)
        if isinstance(frame, str | frames.LoadFailed):
            raise SystemExit(f"the engine process {frame}")
        found = frame.events if isinstance(frame, frames.Events) else [frame]
        count -= sum(isinstance(event, kind) for event in found)


def _prompts(plan: Plan, vocabulary: int, length: int) -> list[list[int]]:
    """Return a prompt of ordinary tokens for each slot, each unlike the others."""
    ordinary = vocabulary // 2
    return [[256 + (slot * 7919 + index * 31) % ordinary for index in range(length)] for slot in range(plan.parallel)]


def measure(name: str, path: Path, *, thorough: bool) -> Iterator[Row]:
    """Measure one model in all plans that fit, loaded as recommended and once the other way."""
    shape, flags = shape_of(read_header(path)), probe().cpu.features
    mapped = recommend_mapped(shape, flags)
    base = Plan(0, 1, len(os.sched_getaffinity(0)), 128, mapped=mapped)
    plans = [
        replace(base, context=context, parallel=parallel, kv_type=kv_type)
        for context, parallel, kv_type in (_PLANS if thorough else _PLANS[:2])
        if context <= shape.training_context
    ]
    plans.append(replace(base, context=2048, parallel=4, mapped=not mapped))
    for plan in plans:
        estimated = estimate(shape, plan, flags).total
        if estimated < SHARE * probe().memory.available:
            yield Row(name, plan, estimated, asyncio.run(peak(path, plan, shape.vocabulary)))


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table, with the median and the worst error."""
    lines = ["| model | context | load | estimated MiB | measured MiB | error |", "|---|---|---|---|---|---|"]
    for row in rows:
        plan, load = row.plan, "mapped" if row.plan.mapped else "read"
        context = f"{plan.parallel} x {plan.context} {plan.kv_type}"
        sizes = f"{row.estimated / MIB:.0f} | {row.measured / MIB:.0f}"
        lines.append(f"| {row.model} | {context} | {load} | {sizes} | {row.error:+.1%} |")
    worst = max(rows, key=lambda row: abs(row.error))
    middle = statistics.median(abs(row.error) for row in rows)
    lines += ["", f"{len(rows)} rows; median error {middle:.1%}, worst {worst.error:+.1%} ({worst.model})."]
    return "\n".join(lines)


def write(page: Path, text: str, begin: str = _BEGIN, end: str = _END) -> None:
    """Put the table between two marks of a page."""
    before, _, rest = page.read_text().partition(begin)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}")


def _rows(options: argparse.Namespace) -> Iterator[Row]:
    if options.file:
        yield from measure(options.file.stem, options.file, thorough=True)
        return
    seen: set[str] = set()
    for name in ("starter", *models.RECIPES):
        if options.only in name:
            path = servers.starter() if name == "starter" else models.cached(name, options.models)
            shape = name.rpartition("-")[0]
            yield from measure(name, path, thorough=shape not in seen)
            seen.add(shape)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path.home() / ".cache" / "edgewise" / "random-models")
    parser.add_argument("--only", default="", help="measure only models with this in their names")
    parser.add_argument("--file", type=Path, help="measure this GGUF file and nothing else")
    parser.add_argument("--write", type=Path, help="page to write the table into")
    options = parser.parse_args()
    rows: list[Row] = []
    for row in _rows(options):
        rows.append(row)
        print(table([row]).splitlines()[2], flush=True)
    print(f"\n{table(rows)}")
    if options.write:
        write(options.write, table(rows))


if __name__ == "__main__":
    main()
