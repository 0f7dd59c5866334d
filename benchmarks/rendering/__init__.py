"""What it costs to render an answer of 15 kB that arrives four characters at a time.

    python -m benchmarks.rendering

stream     all pushes and the end, milliseconds of processor time
render     the whole text once at the end
first      the same two in a fresh process, where lexers and symbols have to be loaded; the parser is not counted,
           which the daemon loads when it starts
changes    how many were sent; `bytes` of them as JSON
memory     MiB that the process has grown by in all that, from before anything was imported
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec

ANSWERS = ("prose", "code", "tables")
_LENGTH = 15_000
_DELTA = 4


def answer(name: str) -> str:
    """Return a text of 15 kB, in which nothing but sentences comes twice."""
    parts = [document(name, number) for number in range(1, _LENGTH // len(document(name, 1)) + 2)]
    return "".join(parts)[:_LENGTH]


def document(name: str, number: int) -> str:
    """Return one of the parts that an answer is made of, of about two kilobytes."""
    text = Path(__file__).with_name(f"{name}.md").read_text(encoding="utf-8")
    return text.replace("%N%", str(number))


def _milliseconds(begin: float) -> float:
    return (time.process_time() - begin) * 1000


def _rss() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


def measure(text: str, before: float) -> dict[str, float]:
    """Render a text once; `before`: MiB of the process without the renderer."""
    from agent.markdown.blocks import Blocks  # noqa: PLC0415 - the memory for it is counted
    from agent.markdown.render import render  # noqa: PLC0415

    begin = time.process_time()
    blocks = Blocks()
    changes = [change for at in range(0, len(text), _DELTA) for change in blocks.push(text[at : at + _DELTA])]
    changes += blocks.finish()
    stream = _milliseconds(begin)
    begin = time.process_time()
    html = render(text)
    return {
        "stream": stream,
        "render": _milliseconds(begin),
        "changes": len(changes),
        "bytes": sum(len(msgspec.json.encode(change)) for change in changes),
        "html": len(html.encode()),
        "memory": _rss() - before,
    }


def _forget() -> None:
    from agent.markdown.code import highlight  # noqa: PLC0415 - see above
    from agent.markdown.mathml import to_mathml  # noqa: PLC0415

    highlight.cache_clear()
    to_mathml.cache_clear()


def _child(name: str) -> None:
    text, before = answer(name), _rss()
    rounds = []
    for _ in range(6):
        rounds.append(measure(text, before))
        _forget()
    later = min(rounds[1:], key=lambda round_: round_["stream"] + round_["render"])
    print(json.dumps({"first": rounds[0], "later": later}))


def main() -> None:
    """Print a row per answer, each measured in a process of its own."""
    print(f"{'':8}{'stream':>8}{'render':>8}{'first':>8}{'changes':>9}{'bytes':>9}{'html':>8}{'memory':>8}")
    for name in ANSWERS:
        command = [sys.executable, "-m", "benchmarks.rendering", name]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        first, later = found["first"], found["later"]
        print(
            f"{name:8}{later['stream']:8.1f}{later['render']:8.1f}{first['stream'] + first['render']:8.1f}"
            f"{later['changes']:9.0f}{later['bytes']:9.0f}{later['html']:8.0f}{first['memory']:8.1f}"
        )


def run(arguments: list[str]) -> None:
    """Measure one answer in this process, or all in processes of their own."""
    if arguments:
        _child(arguments[0])
    else:
        main()
