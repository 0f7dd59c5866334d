"""The setup says why a model was chosen, and offers the next best."""

import asyncio
from functools import cache
from pathlib import Path

import msgspec

from agent.cli.choosing import chooser
from agent.config import Config
from agent.selection import Selection
from agent.state import SelectionState
from web.locale import LANGUAGES, Texts, Translator
from web.setup_model import file_name, offered, reason

BOARDS = Path(__file__).parents[1] / "boards"


@cache
def chosen(board: str) -> Selection:
    choosing = chooser(Config(state_dir=Path("/nonexistent")), BOARDS / board / "tree")
    return asyncio.run(choosing.choose(remember=False))


def state(selection: Selection) -> SelectionState:
    return SelectionState("", "", "", [], selection)


def test_the_choice_comes_first_and_then_other_models_that_would_do() -> None:
    selection = chosen("raspberry-pi-5-8gb")
    first, *others = offered(state(selection))
    assert first == selection
    assert len(others) == 3
    assert len({entry.model for entry in (first, *others)}) == 4
    assert all(entry.verdict == "possible" and entry.score <= first.score for entry in others)


def test_nothing_is_offered_before_the_first_look_and_where_nothing_fits() -> None:
    assert not offered(None)
    assert not offered(state(msgspec.structs.replace(chosen("raspberry-pi-5-8gb"), model="", file="")))


def test_the_reason_counts_what_would_do_in_every_language() -> None:
    selection = chosen("raspberry-pi-5-8gb")
    files = {entry.file for entry in (selection, *selection.rejected) if entry.verdict in {"chosen", "possible"}}
    for language in LANGUAGES:
        text = reason(Translator(Texts(), language), selection)
        assert str(len(files)) in text
        assert selection.title in text


def test_the_reason_is_honest_about_a_slow_or_an_older_choice() -> None:
    t, selection = Translator(Texts(), "en"), chosen("raspberry-pi-5-8gb")
    assert "Nothing that fits is pleasantly fast" in reason(t, msgspec.structs.replace(selection, verdict="slow"))
    assert "stays with" in reason(t, msgspec.structs.replace(selection, score=0.0))


def test_a_model_is_called_as_it_will_be_installed() -> None:
    assert file_name(chosen("raspberry-pi-5-8gb")) == "qwen3.5-2b-q5_k_m"
