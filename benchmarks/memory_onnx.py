"""What the engine process really takes at its peak with ONNX models, beside what `agent.memory` says beforehand.

    python -m benchmarks.memory_onnx [--models DIR] [--only TEXT] [--write docs/memory.md]

`benchmarks/onnx_models.py` makes the models. Each row is an engine process of its own: it loads, fills every slot with
a prompt up to the end of its context, answers, once in JSON by a schema, and is asked for its VmHWM.
"""

import argparse
import asyncio
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

from agent.config import engine_environment
from agent.engines import Sampling
from agent.hardware import probe
from agent.inference import frames
from agent.inference.process import EngineProcess
from agent.memory import estimate
from agent.onnx import read_folder
from agent.plan import Plan
from agent.shape import Shape
from agent.shape.onnx import shape_of
from benchmarks.memory import MIB, SHARE, Inbox, Row, answer, high_water, until, write

TWIN = Path(__file__).resolve().parents[1] / ".venv" / "twin"
_BEGIN, _END = "<!-- ONNX: written by benchmarks/memory_onnx.py -->", "<!-- ONNX: end -->"
_ANSWER_TOKENS = 4
_SCHEMA = '{"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}'
_PAGES = 16  # the kernel maps so many pages of a file at once, if it has them
_PAGE = 4096
# Context, slots.
_PLANS = ((512, 1), (512, 4), (2048, 1), (2048, 4), (8192, 1))


async def peak(path: Path, plan: Plan, shape: Shape) -> int:
    """Return the peak resident size of an engine process that has filled all its slots."""
    inbox: Inbox = asyncio.Queue()
    process = await EngineProcess.start("onnx", engine_environment(), inbox.put_nowait)
    end = asyncio.ensure_future(process.ended())
    end.add_done_callback(lambda how: inbox.put_nowait(how.result()))
    try:
        process.send(frames.Load(str(path), plan, extra_buffers=True))
        await until(inbox, frames.Loaded, 1)
        length = min(plan.context, shape.training_context or plan.context) - _ANSWER_TOKENS
        for prompts in _rounds(plan, shape, length):
            await answer(process, inbox, plan, prompts, length=1)
        formed = Sampling(schema=_SCHEMA)
        process.send(frames.Generate(plan.parallel, formed, prompt=prompts[0][:-1], max_tokens=_ANSWER_TOKENS))
        await until(inbox, frames.Finished, 1)
        return high_water(process.pid)
    finally:
        await process.stop(10)
        await end


def _rounds(plan: Plan, shape: Shape, length: int) -> Iterator[list[list[int]]]:
    """Yield a prompt for each slot, once; again with other tokens until all pages of a mapped table were read."""
    tables = [group for group in shape.weights if group.role == "table" or (group.role, group.type[0]) == ("tied", "f")]
    width = max((group.largest // shape.vocabulary for group in tables), default=0)
    stride = max(1, _PAGES * _PAGE // width) if width else 31
    seen, number = 0, 0
    while not number or (width and seen * stride < shape.vocabulary):
        yield [
            [(seen + slot * length + index) * stride % shape.vocabulary for index in range(length)]
            for slot in range(plan.parallel)
        ]
        seen += plan.parallel * length
        number += 1


def measure(name: str, path: Path, plans: tuple[tuple[int, int], ...]) -> Iterator[Row]:
    """Measure one model in all plans that fit."""
    shape, machine = shape_of(read_folder(path)), probe()
    for context, parallel in plans:
        plan = Plan(context, parallel, len(os.sched_getaffinity(0)), 128)
        estimated = estimate(shape, plan, machine.cpu.features).total
        if context <= shape.training_context and estimated < SHARE * probe().memory.available:
            yield Row(name, plan, estimated, asyncio.run(peak(path, plan, shape)))


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table, with the median and the worst error."""
    lines = ["| model | context | estimated MiB | measured MiB | error |", "|---|---|---|---|---|"]
    for row in rows:
        sizes = f"{row.estimated / MIB:.0f} | {row.measured / MIB:.0f}"
        lines.append(f"| {row.model} | {row.plan.parallel} x {row.plan.context} | {sizes} | {row.error:+.1%} |")
    worst = max(rows, key=lambda row: abs(row.error))
    middle = statistics.median(abs(row.error) for row in rows)
    return "\n".join(
        [*lines, "", f"{len(rows)} rows; median error {middle:.1%}, worst {worst.error:+.1%} ({worst.model})."]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path.home() / ".cache" / "edgewise" / "random-onnx")
    parser.add_argument("--only", default="", help="measure only models with this in their names")
    parser.add_argument("--plans", default="", help="such as 512x1,2048x4: context and slots")
    parser.add_argument("--write", type=Path, help="page to write the table into")
    options = parser.parse_args()
    made = sorted(path for path in options.models.glob("*") if (path / "genai_config.json").is_file())
    plans = tuple((int(one.split("x")[0]), int(one.split("x")[1])) for one in options.plans.split(",") if one)
    rows: list[Row] = []
    for path in (TWIN, *made):
        if options.only in path.name:
            for row in measure(path.name, path, plans or _PLANS):
                rows.append(row)
                print(table([row]).splitlines()[2], flush=True)
    print(f"\n{table(rows)}")
    if options.write:
        write(options.write, table(rows), _BEGIN, _END)


if __name__ == "__main__":
    main()
