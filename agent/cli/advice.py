"""A selection as advice for a person: what this computer is, what to run on it, and why not something else."""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence

from agent.cli.style import Style
from agent.config import Config
from agent.selection import Considered, Selection
from agent.selection.explaining import best_of_each
from agent.selection.suitable import PROMPT
from agent.units import format_bytes

WIDTH = 100  # columns at most; longer lines are hard to read
_NARROWEST = 40  # columns; with less the terminal breaks the lines
_BAR = 28  # columns
_FEW = 3  # runners-up without --explain
_LABEL = 10
_TITLE = 30  # columns; names of files on disk may be longer
_NAMES = {
    "llama_cpp": "llama.cpp", "onnx": "ONNX Runtime", "genai": "onnxruntime-genai",
    "cpu": "the CPU", "cuda": "CUDA", "vulkan": "Vulkan",
}  # fmt: skip
_HEADINGS = {"possible": "Would run well too", "slow": "Fits, but {}", "large": "Too large: {}"}
_COLUMNS: dict[str, Callable[[Considered], str]] = {
    "MODEL": lambda entry: entry.title if len(entry.title) <= _TITLE else f"{entry.title[: _TITLE - 1]}…",
    "QUANT": lambda entry: entry.quantization,
    "ON": lambda entry: entry.provider,
    "MEMORY": lambda entry: format_bytes(entry.memory.total) if entry.memory else "",
    "TOK/S": lambda entry: f"{entry.predicted.decode:.1f}" if entry.predicted else "",
    "QUALITY": lambda entry: f"{'~' if entry.quality_estimated else ''}{entry.quality:.0f}",
    "SCORE": lambda entry: f"{entry.score:.1f}",
}
_TEXTS = {"MODEL", "QUANT", "ON"}


def summary(selection: Selection, style: Style, width: int, step: str = "") -> Iterator[str]:
    """Yield the lines of the choice itself, and what to do next."""
    budget = selection.budget
    memory = (
        f"{format_bytes(budget.available)} available, {format_bytes(budget.reserve)} of it stay free; "
        f"{f'{format_bytes(budget.embeddings)} for embeddings, ' if budget.embeddings else ''}"
        f"{format_bytes(budget.usable)} for a model"
    )
    computer = (
        ("computer", selection.board),
        ("profile", selection.profile),
        ("memory", memory),
        ("speeds", selection.rates),
    )
    for label, text in computer:
        yield from _field(label, text, style, width)
    yield ""
    if selection.model:
        yield style.bold(f"{selection.title}  {selection.quantization}")
        facts = _facts(selection)
    else:
        yield from (style.bad(line) for line in _wrapped(selection.reason, width))
        facts = iter(())
    steps = [("next", step)] if step else []
    for label, text in (*facts, *(("note", note) for note in selection.notes), *steps):
        yield from _field(label, text, style, width, indent=2)


def next_step(selection: Selection, config: Config, wanted: str) -> str:
    """Return what to do now; `wanted` is the model that the user has chosen, if any."""
    if wanted:
        return f"{wanted} serves because you chose it; `edgewise models use auto` leaves the choice to Edgewise."
    if not selection.model:
        asked = config.context or config.parallel or config.micro_batch or config.prompt_cache > 0
        return "Ask for less context, fewer requests at a time or less cache, and more models fit." if asked else ""
    if selection.installed:
        return "`edgewise run` serves it."
    if config.offline or not config.fetch_models:
        name = selection.file.rpartition("/")[2] if config.offline else ""
        source = f"/media/usb/{name}" if name else selection.file
        return f"`edgewise models pull {source}` installs it, `edgewise run` serves it."
    return "`edgewise run` downloads and serves it."


def runners_up(selection: Selection, style: Style) -> Iterator[str]:
    """Yield the choice beside the next best few, and how many more there are."""
    others = [entry for entry in best_of_each(selection.rejected) if entry.model != selection.model]
    if not others or others[0].verdict == "unsuitable":
        return
    first = others[0]
    few = [entry for entry in others if entry.verdict == first.verdict][:_FEW]
    yield ""
    rivals = first.verdict == "possible"
    yield style.bold("Next best" if rivals else f"Next best, but {first.reason}")
    yield from table([selection, *few] if rivals else few, style)
    yield ""
    left = f"{len(others)} other" if selection.model else f"{len(others)}"
    yield f"`edgewise select --explain` lists all {left} models with the reason."


def explanation(selection: Selection, style: Style, width: int, *, every_file: bool) -> Iterator[str]:
    """Yield all that was not chosen by the kind of reason: the best file of each model, or every one."""
    entries = selection.rejected if every_file else best_of_each(selection.rejected)
    out = [entry for entry in entries if entry.verdict == "unsuitable"]
    for heading, of_this_kind in _sections([entry for entry in entries if entry.verdict != "unsuitable"]):
        yield ""
        yield style.bold(f"{heading} ({len(of_this_kind)})")
        best = [selection] if of_this_kind[0].verdict == "possible" else []
        yield from table([*best, *of_this_kind], style)
    if out:
        yield ""
        yield style.bold(f"Out of the question ({len(out)})")
        yield from _out_of_the_question(out, style, width, every_file=every_file)
    if len(entries) < len(selection.rejected):
        yield ""
        yield f"The best file of each model is shown; `--all` shows all {len(selection.rejected)}."


def table(entries: Sequence[Considered], style: Style) -> Iterator[str]:
    """Yield a table with a row for each entry; the choice stands out."""
    several = len({entry.provider for entry in entries}) > 1
    columns = [name for name in _COLUMNS if name != "ON" or several]
    rows = [columns, *([_COLUMNS[name](entry) for name in columns] for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(size) if name in _TEXTS else cell.rjust(size)
            for name, cell, size in zip(columns, row, widths, strict=True)
        ]
        line = f"  {'  '.join(cells)}".rstrip()
        if number == 0:
            yield style.dim(line)
        else:
            yield style.bold(line) if entries[number - 1].verdict == "chosen" else line


def _sections(entries: Sequence[Considered]) -> Iterator[tuple[str, list[Considered]]]:
    """Yield entries with the same reason together, below it; those that lost by their score are one group."""
    groups: dict[str, list[Considered]] = {}
    for entry in entries:
        groups.setdefault(_HEADINGS[entry.verdict].format(entry.reason), []).append(entry)
    yield from groups.items()


def _out_of_the_question(entries: Sequence[Considered], style: Style, width: int, *, every_file: bool) -> Iterator[str]:
    """Yield each reason with the names of the models that it rules out."""
    groups: dict[str, list[str]] = {}
    for entry in entries:
        name = f"{entry.title} {entry.quantization}".rstrip() if every_file else entry.title
        groups.setdefault(entry.reason.removesuffix("."), []).append(name.replace(" ", _GLUE))
    for reason, names in sorted(groups.items(), key=lambda group: -len(group[1])):
        yield from (f"  {line}" for line in _wrapped(reason, width - 2))
        yield from (style.dim(f"    {line}") for line in _wrapped(" · ".join(names), width - 4))


def _facts(chosen: Selection) -> Iterator[tuple[str, str]]:
    """Yield label and text of what there is to know about the choice; a fact may go on in the next without a label."""
    engine, provider = (_NAMES.get(name, name) for name in (chosen.engine, chosen.provider))
    yield "engine", f"{engine} on {provider}, {chosen.threads} threads"
    if chosen.predicted:
        wait = chosen.predicted.first_token(PROMPT)
        how = "as measured in use" if chosen.measured else "predicted"
        yield "speed", f"{chosen.predicted.decode:.1f} tokens per second, {how}"
        yield "", f"a prompt of {PROMPT} tokens is answered after {wait:.1f} s"
    yield from _memory(chosen)
    if chosen.parallel > 1:
        yield "context", f"{chosen.context_length} tokens for each of {chosen.parallel} requests at a time"
    else:
        yield "context", f"{chosen.context_length} tokens, one request at a time"
    estimated = " (estimated)" if chosen.quality_estimated else ""
    yield "quality", f"{chosen.quality:.1f} on the scale of MMLU-Pro{estimated}: {chosen.quality_source}"
    yield "licence", f"{chosen.licence}. {chosen.restrictions}" if chosen.restrictions else chosen.licence
    yield "file", chosen.file
    yield (
        "",
        f"{format_bytes(chosen.bytes)}, {f'installed as {chosen.installed}' if chosen.installed else 'not here yet'}",
    )
    yield "why", chosen.reason


def _memory(chosen: Selection) -> Iterator[tuple[str, str]]:
    if chosen.memory is None:
        return
    share = chosen.memory.total / max(1, chosen.budget.usable)
    filled = min(_BAR, round(share * _BAR))
    used, usable = format_bytes(chosen.memory.total), format_bytes(chosen.budget.usable)
    yield "memory", f"{used} of {usable}  {'█' * filled}{'░' * (_BAR - filled)} {share:.0%}"
    parts = (
        ("weights", chosen.memory.weights),
        ("KV cache", chosen.memory.kv_cache),
        ("compute", chosen.memory.compute),
        ("overhead", chosen.memory.overhead),
        ("prompt cache", chosen.memory.prompt_cache),
    )
    yield "", " · ".join(f"{name} {format_bytes(size)}".replace(" ", _GLUE) for name, size in parts if size)


def _field(label: str, text: str, style: Style, width: int, *, indent: int = 0) -> Iterator[str]:
    first, *more = _wrapped(text, width - indent - _LABEL)
    yield f"{'':{indent}}{style.dim(label.ljust(_LABEL))}{first}".rstrip()
    for line in more:
        yield f"{'':{indent + _LABEL}}{line}"


_GLUE = "\N{NO-BREAK SPACE}"
_CODE = re.compile(r"`[^`]{1,30}`")
_TOGETHER = re.compile(r"(?<=\d) (?=[A-Za-z])|(?<=[-+=]) (?=\d)|(?<=\d) (?=[-+=] )")


def _wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text: numbers stay with their units, references in one piece so that they can be copied."""
    glued = _CODE.sub(lambda found: found[0].replace(" ", _GLUE), _TOGETHER.sub(_GLUE, text))
    lines = textwrap.wrap(glued, max(_NARROWEST, width), break_long_words=False, break_on_hyphens=False)
    return [line.replace(_GLUE, " ") for line in lines] or [""]
