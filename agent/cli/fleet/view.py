"""A fleet as a table for the terminal, as wide as that is."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

from agent.cli.style import Style
from agent.fleet.device import Condition
from agent.fleet.row import Row

_WIDE = 100  # columns from which on there is room between them
_NAMES = 29  # columns for name and model at least
_IDS = 120  # columns from which on there is room for ids
_HEADS = ("STATUS", "NAME", "MODEL", "TOK/S", "TEMP", "QUEUE", "WAIT", "LOST", "SEEN", "AGENT", "DEVICE")
_WIDTHS = (8, 0, 0, 5, 4, 5, 5, 5, 4, 6, 16)
_TEXTS = {"STATUS", "NAME", "MODEL", "AGENT", "DEVICE"}  # the rest are numbers
_ENGINE = {"downloading": "fetching", "restarting": "restarts"}  # what the engine does, in 8 letters
_THOUSAND, _TEN = 1000, 10
_AGES = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))

Paint = Callable[[str], str]


@dataclass(frozen=True)
class _Cell:
    text: str
    paint: Paint


def lines(rows: Sequence[Row], columns: int, now: int, style: Style) -> list[str]:
    """Return a table below its head; those who are in trouble come first.

    Args:
        rows: one for each device.
        columns: of the terminal.
        now: milliseconds since 1970.
        style: of the terminal.
    """
    gap = "  " if columns >= _WIDE else " "
    widths = _widths(columns, len(gap))
    ordered = sorted(rows, key=lambda row: (not row.troubled, row.name.casefold(), row.id))
    head = [_Cell(text, style.dim) for text in _HEADS]
    table = [head, *(_cells(row, now, style) for row in ordered)]
    return [_line(cells[: len(widths)], widths, gap) for cells in table]


def summary(rows: Sequence[Row]) -> str:
    """Return the whole fleet in a line."""
    counts = Counter(row.status for row in rows)
    said = ", ".join(f"{counts[status]} {status}" for status in get_args(Condition) if counts[status])
    parts = [f"{len(rows)} {'device' if len(rows) == 1 else 'devices'}" + (f": {said}" if said else "")]
    if speed := sum(row.tok_s or 0 for row in rows if row.status == "online"):
        parts.append(f"{speed:.1f} tok/s")
    for name, total in (("lost", sum(row.lost for row in rows)), ("missing", sum(row.missing for row in rows))):
        if total:
            parts.append(f"{total} {name}")
    return " · ".join(parts)


def plain(text: str) -> str:
    """Return a text from the network without what would take control of a terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def cut(text: str, columns: int) -> str:
    """Return a text that takes at most so many columns of a terminal."""
    if _columns(text) <= columns:
        return text
    kept = ""
    for letter in text:
        if _columns(kept + letter) >= columns:
            break
        kept += letter
    return f"{kept}…" if columns else ""


def _widths(columns: int, gap: int) -> list[int]:
    shown = _WIDTHS if columns >= _IDS else _WIDTHS[:-1]
    fixed = sum(shown) + gap * (len(shown) - 1)
    names = max(_NAMES, columns - 1 - fixed)  # some terminals wrap as soon as the last column is filled
    flexible = [names * 45 // 100, names - names * 45 // 100]
    return [width or flexible.pop(0) for width in shown]


def _line(cells: Sequence[_Cell], widths: Sequence[int], gap: str) -> str:
    parts = []
    for position, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        text = cut(cell.text, width)
        space = " " * (width - _columns(text))
        left = _HEADS[position] in _TEXTS
        parts.append(cell.paint(text) + space if left else space + cell.paint(text))
    return gap.join(parts).rstrip()


def _cells(row: Row, now: int, style: Style) -> list[_Cell]:
    online, held = row.status == "online", style.bad if row.throttled else _as_it_is
    status = _ENGINE.get(row.engine, row.engine) if online and row.engine not in {"ready", ""} else row.status
    return [
        _Cell(plain(status), style.good if online and status == "online" else style.bad),
        _Cell(plain(row.name), style.bold),
        _Cell(plain(row.model) or "-", _as_it_is),
        _Cell("-" if row.tok_s is None else f"{row.tok_s:.1f}", _as_it_is),
        _Cell("-" if row.temperature is None else f"{row.temperature:.0f}°{'!' if row.throttled else ''}", held),
        _Cell(_count(row.queue), _as_it_is),
        _Cell(_count(row.waiting), _as_it_is),
        _Cell(_books(row), style.bad if row.lost else _as_it_is),
        _Cell(_age((now - row.seen) / _THOUSAND) if row.seen else "-", _as_it_is),
        _Cell(plain(row.agent) or "-", style.dim),
        _Cell(plain(row.id), style.dim),
    ]


def _books(row: Row) -> str:
    """Return how much is lost, with a question mark where something is missing, which may be on its way."""
    if not row.received:
        return "-"
    return _count(row.lost or row.missing) + ("?" if row.missing else "")


def _count(number: float | None) -> str:
    if number is None:
        return "-"
    if number < _TEN * _THOUSAND:
        return f"{number:.0f}"
    thousands = number / _THOUSAND
    return f"{thousands:.0f}k" if thousands < _TEN * _THOUSAND else f"{thousands / _THOUSAND:.0f}M"


def _age(seconds: float) -> str:
    size, unit = next(((size, unit) for size, unit in _AGES if seconds >= size), (1, "s"))
    return f"{max(0, seconds) // size:.0f}{unit}"


def _columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: none for accents on their own, two for Chinese letters."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


def _as_it_is(text: str) -> str:
    return text
