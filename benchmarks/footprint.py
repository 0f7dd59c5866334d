"""What the daemon and the engine process take, and how fast they start.

    footprint.py [--model FILE] [--rounds N] [--json]

start      seconds from `edgewise run` to `/healthz` 200 with the model loaded, files cached
daemon     PSS of the daemon without the engine process, idle, MiB
idle CPU   percent of one core over ten idle seconds, daemon and engine
engine     PSS of the engine process after a request, MiB
overhead   the same without weights, KV cache and compute buffers as llama.cpp itself reports them, MiB
"""

import argparse
import ctypes
import json
import os
import re
import statistics
import time
from pathlib import Path

import httpx
import llama_cpp.llama_cpp as lib

from agent.engines import LoadOptions
from agent.engines.llama_cpp import library
from agent.plan import Plan
from benchmarks import servers

_IDLE = 10.0  # seconds
_MIB = 1 << 20
_PARALLEL, _CONTEXT = 4, 4096  # the defaults of `edgewise run`


def pss(pid: int) -> float:
    """Return the proportional set size of a process in MiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"no Pss in smaps_rollup of {pid}")
    return int(found[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def reported(model: Path) -> float:
    """Return weights, KV cache and compute buffers in MiB, as llama.cpp logs them for the same settings."""
    lines: list[str] = []

    @lib.llama_log_callback  # type: ignore[untyped-decorator]  # ctypes function types have no stubs
    def keep(_level: int, text: bytes, _data: object) -> None:
        lines.append(text.decode(errors="replace"))

    library.initialise()
    lib.llama_log_set(keep, ctypes.c_void_p(0))
    plan = Plan(_CONTEXT, _PARALLEL, len(os.sched_getaffinity(0)), 512)
    options = LoadOptions(model, plan, extra_buffers=True)
    handle = library.load_model(options, lambda _: None)
    context = library.create_context(handle, plan, _CONTEXT)
    lib.llama_free(context)
    lib.llama_model_free(handle)
    return sum(float(size) for size in re.findall(r"buffer size\s*=\s*([\d.]+) MiB", "".join(lines)))


def one_round(model: Path) -> dict[str, float]:
    with servers.edgewise(model, parallel=_PARALLEL, context=_CONTEXT) as server:
        engine = children(server.pid)[0]
        body = {"messages": [{"role": "user", "content": "Count to ten."}], "max_tokens": 16}
        httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60, trust_env=False).raise_for_status()
        time.sleep(1)
        before = cpu_seconds(server.pid) + cpu_seconds(engine)
        time.sleep(_IDLE)
        idle = (cpu_seconds(server.pid) + cpu_seconds(engine) - before) / _IDLE * 100
        return {
            "start": server.seconds,
            "daemon": pss(server.pid),
            "idle CPU": idle,
            "engine": pss(engine),
        }


def measure(model: Path, rounds: int) -> dict[str, float]:
    """Return the medians of some rounds, each with a daemon of its own."""
    one_round(model)  # fills the page cache
    rows = [one_round(model) for _ in range(rounds)]
    result = {figure: statistics.median(row[figure] for row in rows) for figure in rows[0]}
    result["overhead"] = result["engine"] - reported(model)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.model or servers.starter(), options.rounds)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for figure, value in result.items():
        print(f"{figure:10} {value:8.2f}")


if __name__ == "__main__":
    main()
