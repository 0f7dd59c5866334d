"""The models of the catalogue as a person chooses among them: one row each, with the file that suits best here."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.errors import InputError
from agent.phrase import Phrase
from agent.selection import Considered, Selection
from agent.selection.suitable import PROMPT

Fit: TypeAlias = Literal["good", "tight", "slow", "large", "no"]

_TIGHT = 0.85  # share of the memory for models from which on there is little left to spare
_HUB = "hf:"
_HUB_PAGES = "https://huggingface.co/"
FILTERS: Mapping[str, tuple[Fit, ...]] = {
    "runs": ("good", "tight"),
    "slow": ("slow",),
    "large": ("large",),
    "no": ("no",),
    "all": ("good", "tight", "slow", "large", "no"),
}
# What a list is sorted by; the most wanted comes first.
ORDERS: Mapping[str, Callable[["Row"], float]] = {
    "best": lambda row: row.place,
    "quality": lambda row: -row.entry.quality,
    "speed": lambda row: -(row.entry.predicted.decode if row.entry.predicted else 0.0),
    "size": lambda row: row.entry.bytes,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which rows somebody wants to see: those of a filter in which the text occurs, in an order."""

    show: str = "runs"
    text: str = ""
    order: str = "best"


@dataclass(frozen=True, slots=True)
class Row:
    """One model.

    Attributes:
        entry: its file that suits best.
        fit: how it would run: well, with little memory to spare, slowly, or not at all.
        others: its other files, best first.
        place: in the order of selection, from 0.
        usable: bytes of memory for models.
    """

    entry: Considered
    fit: Fit
    others: Sequence[Considered]
    place: int
    usable: int

    @property
    def first_token(self) -> float | None:
        """Seconds until the first token of the answer to an ordinary prompt."""
        return self.entry.predicted.first_token(PROMPT) if self.entry.predicted else None

    @property
    def page(self) -> str:
        """Address of the publisher's page, where the licence can be read; empty when there is none."""
        return hub_page(self.entry.file)

    @property
    def lacks_memory(self) -> bool:
        """Whether memory is what it is too large for, rather than the disk."""
        return self.entry.memory is not None and self.entry.memory.total > self.usable


def rows(selection: Selection) -> list[Row]:
    """Return a row for each model that is not installed, in the order of selection."""
    files: dict[str, list[Considered]] = {}
    for entry in selection.considered:
        if entry.file and not entry.installed:
            files.setdefault(entry.model, []).append(entry)
    usable = selection.budget.usable
    return [Row(best, fit(best, usable), others, place, usable) for place, (best, *others) in enumerate(files.values())]


def fit(entry: Considered, usable: int) -> Fit:
    """Return how a file would run with so many bytes of memory for models."""
    if entry.verdict in {"chosen", "possible"}:
        tight = bool(entry.shrunk) or (entry.memory is not None and entry.memory.total > _TIGHT * usable)
        return "tight" if tight else "good"
    fits: dict[str, Fit] = {"slow": "slow", "large": "large"}
    return fits.get(entry.verdict, "no")


def matching(all_rows: Iterable[Row], wish: Wish) -> list[Row]:
    """Return the rows that somebody wants to see.

    Raises:
        InputError: there is no such filter or order.
    """
    if wish.show not in FILTERS:
        raise InputError(
            Phrase("errors.no_filter", "There is no filter {name!r}.", name=wish.show),
            field="show",
            hint=Phrase("errors.no_filter_hint", "There are {names}.", names=", ".join(FILTERS)),
        )
    if wish.order not in ORDERS:
        raise InputError(
            Phrase("errors.no_order", "There is no order {name!r}.", name=wish.order),
            field="sort",
            hint=Phrase("errors.no_order_hint", "There are {names}.", names=", ".join(ORDERS)),
        )
    words = wish.text.casefold().split()
    fits = FILTERS[wish.show]
    found = (row for row in all_rows if row.fit in fits and all(word in _described(row) for word in words))
    return sorted(found, key=ORDERS[wish.order])


def conditions(selection: Selection | None, reference: str) -> str:
    """Return what the licence of a file forbids or demands; empty when nothing, or when the catalogue lacks it."""
    if selection is None:
        return ""
    return next((entry.restrictions for entry in selection.considered if entry.file == reference), "")


def title(selection: Selection | None, reference: str) -> str:
    """Return what people call a file of the catalogue; empty when the catalogue lacks it."""
    entries = selection.considered if selection else []
    return next((f"{entry.title} {entry.quantization}" for entry in entries if entry.file == reference), "")


def hub_page(reference: str) -> str:
    """Return the address of the repository that a reference names; empty when it names none."""
    if not reference.startswith(_HUB):
        return ""
    return _HUB_PAGES + "/".join(reference.removeprefix(_HUB).split("/")[:2]).partition(":")[0]


def _described(row: Row) -> str:
    entry = row.entry
    return f"{entry.title} {entry.model} {entry.licence} {entry.quantization}".casefold()
