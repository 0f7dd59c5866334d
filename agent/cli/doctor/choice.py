"""Which model is the best for this computer, and why."""

import asyncio
from collections.abc import Iterator

from agent.cli.choosing import chooser
from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok
from agent.errors import EdgewiseError

_FETCH = "not installed; `edgewise run` fetches it, `edgewise select` says why it is best"


def look(case: Case) -> Iterator[Finding]:
    """Yield the firmware profile and the choice with its reason."""
    case.enter()
    try:
        selection = asyncio.run(chooser(case.config).choose(remember=False))
    except EdgewiseError as error:
        yield bad("no-choice", error.message, error.hint)
        return
    yield ok(f"firmware profile {selection.profile}")
    if not selection.model:
        advice = "`edgewise select --explain` gives the reason for each model"
        yield bad("no-choice", f"best model for this computer: {selection.reason}", advice)
        return
    words = f"best model for this computer: {selection.title} {selection.quantization}. {selection.reason}"
    yield ok(words, "" if selection.installed else _FETCH)
