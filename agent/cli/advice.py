"""A selection as advice for a person: what this computer is, what to run on it, and why not something else."""

import textwrap
from collections.abc import Iterator, Sequence

from agent.cli.style import Style
from agent.selection import Considered, Selection
from agent.selection.suitable import PROMPT
from agent.units import format_bytes

WIDTH = 100  # columns at most; longer lines are hard to read
_BAR = 28  # columns
_FEW = 3  # runners-up without --explain
_LABEL = 10
_HEADINGS = {
    "possible": "Would run well too",
    "slow": "Fits, but is too slow here",
    "large": "Too large for this computer",
    "unsuitable": "Out of the question",
}


def summary(selection: Selection, style: Style, width: int) -> Iterator[str]:
    """Yield the lines of the choice itself."""
    yield from _field("computer", selection.board, style, width, indent=0)
    yield from _field("profile", selection.profile, style, width, indent=0)
    budget = selection.budget
    text = (
        f"{format_bytes(budget.available)} available, {format_bytes(budget.reserve)} of it stay free; "
        f"{format_bytes(budget.usable)} for a model"
    )
    yield from _field("memory", text, style, width, indent=0)
    yield from _field("speed", selection.rates, style, width, indent=0)
    yield ""
    if not selection.model:
        yield style.bad(selection.reason)
    else:
        yield f"{style.bold(selection.title)}  {style.bold(selection.quantization)}  {_where(selection)}"
        yield ""
        for label, text in _facts(selection):
            yield from _field(label, text, style, width, indent=2)
    for note in selection.notes:
        yield ""
        yield from textwrap.wrap(note, width)


def table(entries: Sequence[Considered], style: Style, width: int) -> Iterator[str]:
    """Yield a table with a row for each entry, the best first."""
    rows: list[tuple[str, ...]] = [("MODEL", "QUANT", "MEMORY", "TOK/S", "QUALITY", "SCORE", "WHY NOT")]
    rows += [_row(entry) for entry in entries]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for number, (*cells, why) in enumerate(rows):
        left = [cell.ljust(size) for cell, size in zip(cells[:2], widths[:2], strict=True)]
        right = [cell.rjust(size) for cell, size in zip(cells[2:], widths[2:], strict=True)]
        head = "  ".join((*left, *right))
        room = max(24, width - len(head) - 4)
        first, *more = textwrap.wrap(why, room) or [""]
        line = f"  {head}  {first}".rstrip()
        yield style.dim(line) if number == 0 else line
        for rest in more:
            yield f"  {'':{len(head)}}  {rest}"


def runners_up(selection: Selection, style: Style, width: int) -> Iterator[str]:
    """Yield the next best few, and how many more there are."""
    others = [entry for entry in best_of_each(selection.rejected) if entry.model != selection.model]
    few = [entry for entry in others if entry.verdict == "possible"][:_FEW] or others[:_FEW]
    if few:
        yield ""
        yield style.bold("Next best")
        yield from table(few, style, width)
        yield ""
        yield f"`--explain` lists all {len(others)} other models with the reason."


def explanation(selection: Selection, style: Style, width: int, *, every_file: bool) -> Iterator[str]:
    """Yield all that was not chosen, by the kind of reason; the best file of each model, or every one."""
    entries = selection.rejected if every_file else best_of_each(selection.rejected)
    for verdict, heading in _HEADINGS.items():
        of_this_kind = [entry for entry in entries if entry.verdict == verdict]
        if of_this_kind:
            yield ""
            yield style.bold(f"{heading} ({len(of_this_kind)})")
            yield from table(of_this_kind, style, width)
    if not every_file:
        yield ""
        yield f"The best file of each model is shown; `--all` shows all {len(selection.rejected)}."


def best_of_each(entries: Sequence[Considered]) -> list[Considered]:
    """Return the first entry of each model; entries are sorted by how good they are."""
    first: dict[str, Considered] = {}
    for entry in entries:
        first.setdefault(entry.model, entry)
    return list(first.values())


def _facts(chosen: Selection) -> Iterator[tuple[str, str]]:
    if chosen.predicted:
        wait = chosen.predicted.first_token(PROMPT)
        how = "as measured in use" if chosen.measured else "predicted"
        answering, reading = chosen.predicted.decode, chosen.predicted.prefill
        yield "speed", f"{answering:.1f} tokens per second, {how}"
        yield "", f"reads {reading:.0f} per second: a prompt of {PROMPT} tokens is answered after {wait:.1f} s"
    if chosen.memory:
        share = chosen.memory.total / max(1, chosen.budget.usable)
        filled = min(_BAR, round(share * _BAR))
        bar = "█" * filled + "░" * (_BAR - filled)
        used, usable = format_bytes(chosen.memory.total), format_bytes(chosen.budget.usable)
        yield "memory", f"{used} of {usable}  {bar} {share:.0%}"
        parts = (
            ("weights", chosen.memory.weights),
            ("KV cache", chosen.memory.kv_cache),
            ("compute", chosen.memory.compute),
            ("overhead", chosen.memory.overhead),
            ("prompt cache", chosen.memory.prompt_cache),
        )
        yield "", " · ".join(f"{name} {format_bytes(size)}" for name, size in parts if size)
    yield "context", f"{chosen.context_length} tokens each for {chosen.parallel} at a time"
    estimated = " (estimated)" if chosen.quality_estimated else ""
    yield "quality", f"{chosen.quality:.1f} on the scale of MMLU-Pro{estimated}: {chosen.quality_source}"
    yield "licence", f"{chosen.licence}. {chosen.restrictions}".rstrip(". ") + ("." if chosen.restrictions else "")
    state = f"installed as {chosen.installed}" if chosen.installed else "not installed yet"
    yield "file", f"{chosen.file} ({format_bytes(chosen.bytes)}), {state}"
    yield "why", chosen.reason


def _row(entry: Considered) -> tuple[str, ...]:
    memory = format_bytes(entry.memory.total) if entry.memory else "-"
    speed = f"{entry.predicted.decode:.1f}" if entry.predicted else "-"
    quality = f"{'~' if entry.quality_estimated else ''}{entry.quality:.0f}"
    score = f"{entry.score:.1f}" if entry.score_parts else "-"
    return entry.title, entry.quantization or "-", memory, speed, quality, score, entry.reason


def _where(chosen: Selection) -> str:
    engine = {"llama_cpp": "llama.cpp"}.get(chosen.engine, chosen.engine)
    provider = {"cpu": "the CPU", "cuda": "CUDA"}.get(chosen.provider, chosen.provider)
    return f"with {engine} on {provider}, {chosen.threads} threads"


def _field(label: str, text: str, style: Style, width: int, *, indent: int) -> Iterator[str]:
    first, *more = textwrap.wrap(text, width - indent - _LABEL) or [""]
    yield f"{'':{indent}}{style.dim(label.ljust(_LABEL))}{first}"
    for line in more:
        yield f"{'':{indent + _LABEL}}{line}"
