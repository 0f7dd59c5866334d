"""How right the speed predictions are for ONNX models on this machine.

`python -m benchmarks.accuracy_onnx [--models DIR] [--write docs/accuracy.md]`, as `benchmarks.accuracy` for GGUF files.
"""

import argparse
import asyncio
import os
from pathlib import Path

from agent.onnx import read_folder
from agent.plan import Plan
from agent.shape.onnx import shape_of
from agent.speed import Rates, predict
from benchmarks import accuracy
from benchmarks.accuracy import Row
from benchmarks.memory_onnx import TWIN


def row(path: Path, rates: Rates, threads: int) -> Row:
    shape, plan = shape_of(read_folder(path)), Plan(accuracy.CONTEXT, 1, threads, 512)
    accuracy.quiet()
    measured = asyncio.run(accuracy.speed(path, plan, shape.vocabulary, "onnx"))
    return Row(path.name, predict(shape, plan, rates), measured)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path.home() / ".cache" / "edgewise" / "random-onnx")
    parser.add_argument("--only", default="", help="measure only models with this in their names")
    parser.add_argument("--write", type=Path, help="page to write the table into")
    options = parser.parse_args()
    threads = len(os.sched_getaffinity(0))
    rates = accuracy.kernels(threads, "onnx")
    made = sorted(path for path in options.models.glob("*") if (path / "genai_config.json").is_file())
    rows = []
    for path in (TWIN, *made):
        if options.only in path.name:
            rows.append(row(path, rates, threads))
            print(accuracy.table(rows[-1:]).splitlines()[2], flush=True)
    print(f"\n{accuracy.table(rows)}")
    if options.write:
        accuracy.write(options.write, "measured with ONNX Runtime", accuracy.table(rows))


if __name__ == "__main__":
    main()
