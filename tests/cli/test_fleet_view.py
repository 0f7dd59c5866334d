"""The table of a fleet: it fits the terminal, whatever devices are called."""

from typing import Any

import msgspec
import pytest

from agent.cli.fleet.view import cut, lines, plain, summary
from agent.cli.style import Style
from agent.fleet.row import Row

NOW = 1_795_289_900_000
ROW = Row(
    id="05242d2d3b37a0da",
    name="Kitchen Pi",
    site="",
    groups=[],
    status="online",
    agent="0.4.0",
    engine="ready",
    model="qwen3.5-2b-q5_k_m",
    tok_s=7.93,
    temperature=61.2,
    throttled=False,
    queue=0,
    waiting=0,
    received=10,
    lost=0,
    doubtful=0,
    missing=0,
    holes=[],
    seen=NOW - 4000,
    ui="",
)
LONG = {"name": "Werkstatt am Ende des langen Flurs", "model": "a-model-with-a-very-long-name-indeed:Q5_K_M"}
MANY = {"waiting": 52_123_456, "lost": 1_234_567, "missing": 3, "queue": 12_345, "tok_s": 1234.56, "temperature": 104.9}


def row(**changes: Any) -> Row:  # noqa: ANN401 - fields of Row
    return msgspec.structs.replace(ROW, **changes)


def shown(*rows: Row, columns: int = 80, on: bool = False) -> list[str]:
    return lines(rows, columns, NOW, Style(on=on))


@pytest.mark.parametrize("columns", [80, 100, 119, 120, 200])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    table = shown(row(**LONG, **MANY), row(), row(name="厨房" * 20), columns=columns)
    wide = [len(line) + sum(letter in "厨房" for letter in line) for line in table]
    assert max(wide) < columns
    assert "05242d2d3b37a0da" in table[1] or columns < 120


def test_columns_are_below_their_heads() -> None:
    head, line = shown(row())
    for name, text in (("TOK/S", "7.9"), ("TEMP", "61°"), ("QUEUE", "0"), ("WAIT", "0"), ("LOST", "0"), ("SEEN", "4s")):
        end = head.index(name) + len(name)
        assert line[:end].endswith(text), name
    assert line.index("0.4.0") == head.index("AGENT")


def test_trouble_comes_first() -> None:
    rows = [
        row(name="A"),
        row(name="E", status="offline"),
        row(name="D", throttled=True),
        row(name="C", lost=1),
        row(name="B", engine="failed"),
    ]
    assert [line.split()[1] for line in shown(*rows)[1:]] == ["B", "C", "D", "E", "A"]


def test_what_is_missing_may_be_on_its_way() -> None:
    counts = [row(missing=3), row(lost=2), row(lost=2, missing=3), row(received=0)]
    assert [line.split()[8] for line in shown(*counts)[1:]] == ["2", "2?", "3?", "-"]


def test_a_device_that_says_little_has_a_line() -> None:
    poor = row(
        name="x", status="unknown", model="", agent="", tok_s=None, temperature=None, queue=None, waiting=None, seen=0
    )
    assert shown(poor)[1].split() == ["unknown", "x", "-", "-", "-", "-", "-", "0", "-", "-"]


def test_emphasis_takes_no_room() -> None:
    coloured = shown(row(), on=True)[1]
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m"):
        coloured = coloured.replace(code, "")
    assert coloured == shown(row())[1]


def test_no_text_from_the_network_takes_control_of_the_terminal() -> None:
    assert "\x1b" not in "".join(shown(row(name="\x1b[2J", model="\x1b]0;x\a", agent="\r\n", engine="\x9b1m", id="\b")))
    assert plain("a\x1bb\u202ec") == "a�b�c"


def test_a_text_is_cut_to_the_columns_that_it_takes() -> None:
    assert [cut("kitchen", 7), cut("kitchen", 6), cut("厨房厨房", 6), cut("é" * 3, 3)] == [
        "kitchen",
        "kitch…",
        "厨房…",
        "é" * 3,
    ]


def test_a_fleet_is_summed_up() -> None:
    rows = [row(), row(status="offline", lost=4), row(status="silent", missing=2)]
    assert summary(rows) == "3 devices: 1 online, 1 silent, 1 offline · 7.9 tok/s · 4 lost · 2 missing"
    assert summary([]) == "0 devices"
