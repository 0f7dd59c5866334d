"""Embeddings: sentences per second and memory of the process, beside transformers on torch in the same run.

    python -m benchmarks.embeddings FOLDER [--torch PYTHON] [--rounds N] [--threads N]

FOLDER holds the model, such as STATE_DIR/models/all-minilm-l6-v2. The two are driven in turn. Processor seconds are
those of all threads; they say more than the wall where other programs run. The cosine is the least of all texts.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.config import engine_environment
from agent.embeddings.process import EncoderProcess

_BATCHES = (1, 8, 32)
_STORY = (
    "The lamp in the living room is switched on when somebody comes home after sunset and nobody sleeps upstairs. "
    "Rain is expected in the afternoon, so the windows of the greenhouse are closed and the awning is drawn in."
)
_TICKS = os.sysconf("SC_CLK_TCK")
_PEER = Path(__file__).with_name("embeddings_peer.py")


@dataclass
class Side:
    """What one of the two took: seconds of wall and processor, by texts of a request."""

    wall: dict[int, list[float]] = field(default_factory=lambda: {count: [] for count in _BATCHES})
    spent: dict[int, list[float]] = field(default_factory=lambda: {count: [] for count in _BATCHES})
    memory: int = 0

    def add(self, count: int, wall: float, spent: float) -> None:
        self.wall[count].append(wall)
        self.spent[count].append(spent)

    def row(self, name: str) -> str:
        wall = " / ".join(f"{count / statistics.median(self.wall[count]):.0f}" for count in _BATCHES)
        spent = " / ".join(f"{1000 * statistics.mean(self.spent[count]) / count:.1f}" for count in _BATCHES)
        return f"| {name} | {wall} | {spent} | {self.memory >> 20} |"


def texts(count: int, first: int) -> list[str]:
    """Return sentences of 8 to 31 words, other ones each time."""
    words = _STORY.split() * 3
    starts = [(number, number % len(_STORY.split())) for number in range(first, first + count)]
    return [" ".join([str(number), *words[start : start + 8 + number % 24]]) for number, start in starts]


def processor(pid: int) -> float:
    """Return the seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int, kind: str) -> int:
    """Return bytes: `VmRSS` all that is resident, `RssAnon` without pages of files."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{kind}:"))


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def measure(folder: Path, peer: "subprocess.Popen[str] | None", rounds: int, threads: int) -> None:
    ours, theirs, least = Side(), Side(), 1.0
    process = EncoderProcess()
    begin = time.perf_counter()
    await process.load(folder, threads, engine_environment())
    print(f"loaded in {time.perf_counter() - begin:.2f} s, {memory(process.pid, 'VmRSS') >> 20} MiB")
    for index in range(rounds):
        for count in _BATCHES:
            asked = texts(count, index * 1000)
            begin, spent = time.perf_counter(), processor(process.pid)
            found = await process.embed(list(asked), truncate=True)
            ours.add(count, time.perf_counter() - begin, processor(process.pid) - spent)
            if peer is not None:
                reply = ask(peer, asked)
                theirs.add(count, *reply["seconds"])
                theirs.memory = reply["memory"]
                pairs = zip(found.data, reply["vectors"], strict=True)
                least = min(least, *(cosine(array("f", mine), other) for mine, other in pairs))
    ours.memory, own = memory(process.pid, "VmRSS"), memory(process.pid, "RssAnon")
    await process.stop()
    print("| | sentences/s, 1 / 8 / 32 | processor ms per sentence | MiB resident |\n|---|---|---|---|")
    print(ours.row("Edgewise"))
    if peer is not None:
        print(theirs.row("torch"))
        print(f"least cosine {least:.7f}")
    print(f"Edgewise without pages of files: {own >> 20} MiB")


def ask(peer: "subprocess.Popen[str]", asked: list[str]) -> dict[str, Any]:
    assert peer.stdin is not None and peer.stdout is not None  # noqa: S101, PT018 - narrows the types
    print(json.dumps(asked), file=peer.stdin, flush=True)
    reply: dict[str, Any] = json.loads(peer.stdout.readline())
    return reply


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--torch", help="Python of an environment with torch and transformers")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if not args.torch:
        asyncio.run(measure(args.folder, None, args.rounds, args.threads))
        return
    command = [args.torch, str(_PEER), str(args.folder), str(args.threads)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
        asyncio.run(measure(args.folder, peer, args.rounds, args.threads))


if __name__ == "__main__":
    main()
