"""The catalogue as a person chooses from it: how models fit, filters, orders, licences."""

import asyncio
from functools import cache
from pathlib import Path

import pytest

from agent.cli.choosing import chooser
from agent.config import Config
from agent.errors import InputError
from agent.selection import Selection
from web.catalogue import FILTERS, ORDERS, Row, Wish, conditions, hub_page, matching, rows, title

BOARD = Path(__file__).parents[1] / "boards" / "raspberry-pi-4-2gb" / "tree"


@cache
def selection() -> Selection:
    """Return what there is for a small board, whatever the licence."""
    choosing = chooser(Config(state_dir=BOARD, licences="any"), BOARD)
    return asyncio.run(choosing.choose(measure=False, remember=False))


def shown(show: str = "all", text: str = "", order: str = "best") -> list[Row]:
    return matching(rows(selection()), Wish(show, text, order))


def test_every_model_has_one_row_with_its_best_file_and_the_others() -> None:
    all_rows = rows(selection())
    assert len({row.entry.model for row in all_rows}) == len(all_rows)
    files = [file for row in all_rows for file in (row.entry, *row.others)]
    assert len(files) == sum(bool(entry.file) for entry in (selection(), *selection().rejected))
    assert all(other.model == row.entry.model for row in all_rows for other in row.others)


def test_what_is_installed_is_not_offered() -> None:
    here = rows(selection())[0].entry
    assert not here.installed


def test_the_filters_divide_the_rows_without_rest() -> None:
    parts = [shown(name) for name in FILTERS if name != "all"]
    assert all(parts), "this board has models of every kind"
    assert sum(map(len, parts)) == len(shown("all")) == len(rows(selection()))


def test_too_large_says_whether_memory_or_the_disk_is_what_it_lacks() -> None:
    assert all(row.lacks_memory for row in shown("large") if "memory" in row.entry.reason)
    assert not any(row.lacks_memory for row in shown("runs"))


@pytest.mark.parametrize("order", ORDERS)
def test_rows_come_in_the_order_that_is_asked_for(order: str) -> None:
    keys = [ORDERS[order](row) for row in shown("all", order=order)]
    assert keys == sorted(keys)


def test_all_words_must_occur_in_name_or_licence() -> None:
    found = shown("all", "QWEN apache")
    assert found
    assert all("qwen" in row.entry.model and row.entry.licence == "Apache-2.0" for row in found)
    assert shown("all", "no such model") == []


@pytest.mark.parametrize("wish", [Wish(show="nice"), Wish(order="colour")], ids=str)
def test_an_unknown_filter_or_order_is_refused(wish: Wish) -> None:
    with pytest.raises(InputError):
        matching(rows(selection()), wish)


def test_conditions_and_title_are_those_of_the_file() -> None:
    bound = next(row for row in shown() if row.entry.restrictions and row.others)
    assert conditions(selection(), bound.entry.file) == bound.entry.restrictions
    assert conditions(selection(), bound.others[-1].file) == bound.entry.restrictions
    assert title(selection(), bound.entry.file) == f"{bound.entry.title} {bound.entry.quantization}"
    assert conditions(selection(), "hf:not/known") == title(None, "hf:not/known") == ""


def test_only_files_of_the_hub_have_a_page_there() -> None:
    assert hub_page("hf:owner/repo/folder/file.gguf") == "https://huggingface.co/owner/repo"
    assert hub_page("hf:owner/repo:Q4_K_M") == "https://huggingface.co/owner/repo"
    assert hub_page("/media/usb/model.gguf") == ""
