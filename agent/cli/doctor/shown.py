"""The findings as they are shown: to people, to programs, and to strangers."""

import datetime as dt
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator

import msgspec

from agent.cli.advice import WIDTH
from agent.cli.doctor.examination import Examined
from agent.cli.doctor.finding import Finding, Level
from agent.cli.doctor.strangers import for_strangers
from agent.cli.style import Style, style
from agent.state import VERSION

_WORDS: dict[Level, str] = {"ok": "ok", "warn": "warning", "bad": "PROBLEM"}
_INDENT = 8
_PAGE = "docs/troubleshooting.md"


def as_text(found: Iterable[Examined]) -> int:
    """Print for people, each finding as it comes; returns how many problems there are."""
    emphasis, width = style(), _width()
    part, levels = "", list[Level]()
    for each in found:
        if each.part != part:
            print(f"{'' if not part else chr(10)}{emphasis.bold(each.part)}")
            part = each.part
        print("\n".join(_lines(each.finding, emphasis, width)), flush=True)
        levels.append(each.finding.level)
    print(f"\n{_sum(levels)}")
    return levels.count("bad")


def as_json(found: Iterable[Examined]) -> int:
    """Print for programs; returns how many problems there are."""
    everything = list(found)
    rows = [_row(each.part, each.finding) for each in everything]
    levels = [each.finding.level for each in everything]
    counts: dict[str, int] = {level: levels.count(level) for level in _WORDS}
    document = msgspec.json.encode({"version": VERSION, **counts, "findings": rows})
    print(msgspec.json.format(document).decode())
    return levels.count("bad")


def as_report(found: Iterable[Examined]) -> int:
    """Print Markdown that can be shown to anybody; returns how many problems there are."""
    everything = list(found)
    levels = [each.finding.level for each in everything]
    day = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d")
    lines = ["# Edgewise doctor", "", f"{_sum(levels)} Version {VERSION}, {day}."]
    part = ""
    for each in everything:
        if each.part != part:
            lines += ["", f"## {each.part}", ""]
            part = each.part
        lines.append(_item(each.finding))
    print(for_strangers("\n".join(lines)))
    return levels.count("bad")


def _row(part: str, finding: Finding) -> dict[str, str]:
    return {
        "part": part,
        "level": finding.level,
        "what": str(finding.what),
        "advice": str(finding.advice),
        "see": finding.see,
    }


def _lines(finding: Finding, emphasis: Style, width: int) -> Iterator[str]:
    word = f"{_WORDS[finding.level]:{_INDENT}}"
    shown = {"ok": emphasis.good, "warn": emphasis.bad, "bad": emphasis.bad}[finding.level](word)
    first, *more = _wrapped(finding.what, width)
    yield f"{shown}{emphasis.bold(first) if finding.level == 'bad' else first}"
    yield from (f"{'':{_INDENT}}{line}" for line in more)
    for index, line in enumerate(_wrapped(finding.advice, width - 3) if finding.advice else ()):
        yield emphasis.dim(f"{'':{_INDENT}}{'   ' if index else '-> '}{line}")
    if finding.see:
        yield emphasis.dim(f"{'':{_INDENT}}   {_PAGE}#{finding.see}")


def _width() -> int:
    """Return how long lines may be; those on a pipe are for `grep` and stay whole."""
    return min(WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else sys.maxsize


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width - _INDENT, break_long_words=False, break_on_hyphens=False) or [""]


def _item(finding: Finding) -> str:
    text = " ".join((finding.public or finding.what).split())
    mark = "" if finding.level == "ok" else f"**{_WORDS[finding.level].lower()}** (`{finding.see}`): "
    return f"- {mark}{text}"


def _sum(levels: list[Level]) -> str:
    counts = [(levels.count("bad"), "problem"), (levels.count("warn"), "warning")]
    texts = [f"{count} {word}{'s' * (count != 1)}" for count, word in counts if count]
    return f"{', '.join(texts)}." if texts else "Nothing is wrong."
