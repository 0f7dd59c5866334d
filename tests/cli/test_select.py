"""`edgewise select`: advice for a person, JSON for a program, and both say the same."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agent import pinned
from agent.catalog import load_catalog
from agent.cli import execute
from agent.cli.advice import explanation, next_step, runners_up, summary
from agent.cli.style import Style
from agent.config import Config
from agent.device import DeviceSettings
from agent.models import ModelStore
from agent.selection import Policy, Selection, select
from agent.store import Store
from tests.selecting import know_speed
from tests.selection.making import CHAT, GIB, backend, machine, model, offer, place

BOARDS = Path(__file__).parents[1] / "boards"
PI = str(BOARDS / "raspberry-pi-5-8gb" / "tree")
ZERO = str(BOARDS / "raspberry-pi-zero-2-w" / "tree")
PLAIN = Style(on=False)
CONFIG = Config(state_dir=Path("/nonexistent"))
Edgewise = Callable[..., tuple[int, str, str]]


@pytest.fixture
def edgewise(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Edgewise:
    """Run a command in this process, on a terminal so wide; returns status, stdout and stderr."""

    def command(*arguments: str, columns: int = 80) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        status = execute([*arguments])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return command


def chosen(*, usable: int = 8 * GIB, policy: Policy = CHAT, installed: str = "") -> Selection:
    offers = [offer(model("small", 0.5, 20)), offer(model("middle", 3.0, 55), installed=installed)]
    return select(offers, machine(backend(usable)), policy)


def test_says_what_the_computer_is_what_to_run_and_why(edgewise: Edgewise) -> None:
    status, text, _ = edgewise("select", "--root", PI)
    assert status == 0
    assert text.startswith("computer  Raspberry Pi 5")
    assert "\nprofile   raspberry-pi-5\n" in text
    for label in ("engine", "speed", "memory", "context", "quality", "licence", "file", "why"):
        assert f"\n  {label.ljust(10)}" in text
    assert "Next best" in text
    assert "--explain` lists all 95 other models" in text


def test_text_and_json_say_the_same(edgewise: Edgewise) -> None:
    text = " ".join(edgewise("select", "--root", PI)[1].split())
    document = json.loads(edgewise("select", "--root", PI, "--json")[1])
    assert f"{document['predicted']['decode']:.1f} tokens per second" in text
    assert document["file"] in text
    assert document["reason"] in text
    assert f"{document['context_length']} tokens for each of {document['parallel']} requests" in text
    assert all(note in text for note in document["notes"])
    assert f"{document['score']:.1f} =" in text
    assert f"{document['memory']['total'] / 2**30:.1f} GiB of {document['budget']['usable'] / 2**30:.1f} GiB" in text


def test_json_decodes_into_a_selection(edgewise: Edgewise) -> None:
    selection = msgspec.json.decode(edgewise("select", "--root", PI, "--json")[1], type=Selection)
    assert selection.profile == "raspberry-pi-5"
    assert len(selection.rejected) > 300
    assert all(entry.reason for entry in selection.rejected)


@pytest.mark.parametrize("columns", [80, 100, 250])
@pytest.mark.parametrize("board", sorted(path.name for path in BOARDS.iterdir()))
def test_lines_fit_the_terminal(edgewise: Edgewise, board: str, columns: int) -> None:
    _, text, _ = edgewise("select", "--root", str(BOARDS / board / "tree"), "--explain", columns=columns)
    long = [line for line in text.splitlines() if len(line) > min(columns, 100) and "hf:" not in line]
    assert long == []


@pytest.mark.parametrize("columns", [1, 12, 39])
def test_a_very_narrow_terminal_breaks_lines_by_itself(edgewise: Edgewise, columns: int) -> None:
    assert edgewise("select", "--root", PI, "--explain", columns=columns)[0] == 0


def test_a_reference_stays_in_one_piece_to_be_copied(edgewise: Edgewise) -> None:
    file = json.loads(edgewise("select", "--root", ZERO, "--json")[1])["file"]
    assert len(file) > 60
    assert file in edgewise("select", "--root", ZERO, columns=40)[1]


def test_explain_names_every_model_of_the_catalogue(edgewise: Edgewise) -> None:
    text = " ".join(edgewise("select", "--root", PI, "--explain")[1].split())
    assert [entry.title for entry in load_catalog() if entry.title not in text] == []
    for heading in (
        "Would run well too",
        "Fits, but gives fewer than 5",
        "Too large: needs more memory",
        "Out of the question",
    ):
        assert heading in text


def test_the_counts_in_the_headings_add_up(edgewise: Edgewise) -> None:
    text = edgewise("select", "--root", PI, "--explain")[1]
    counts = [int(count) for count in re.findall(r"\((\d+)\)$", text, re.MULTILINE)]
    others_of_the_chosen_model = 1
    assert sum(counts) == len(load_catalog()) - 1 + others_of_the_chosen_model


def test_all_shows_every_file(edgewise: Edgewise) -> None:
    few = edgewise("select", "--root", PI, "--explain")[1]
    everything = edgewise("select", "--root", PI, "--all")[1]
    assert few.count("Q4_0") < everything.count("Q4_0")
    assert "`--all`" in few
    assert "`--all`" not in everything


def test_columns_of_numbers_end_below_each_other(edgewise: Edgewise) -> None:
    table = edgewise("select", "--root", PI)[1].partition("Next best\n")[2].splitlines()
    rows = [line for line in table if line.startswith("  ")]
    assert len(rows) == 5
    assert {len(row) for row in rows} == {len(rows[0])}


def test_the_choice_stands_first_beside_the_next_best(edgewise: Edgewise) -> None:
    document = json.loads(edgewise("select", "--root", PI, "--json")[1])
    table = edgewise("select", "--root", PI)[1].partition("Next best\n")[2].splitlines()
    assert table[1].split("  ")[1] == document["title"]


def test_nothing_that_fits_is_status_one_and_named(edgewise: Edgewise) -> None:
    status, text, _ = edgewise("select", "--root", ZERO, "--context", "8192")
    assert status == 1
    assert "No model fits. The smallest, SmolLM2 135M Instruct" in text
    assert json.loads(edgewise("select", "--root", ZERO, "--context", "8192", "--json")[1])["model"] == ""


def test_a_directory_that_is_not_there_is_an_error_with_advice(edgewise: Edgewise, tmp_path: Path) -> None:
    status, _, error = edgewise("select", "--root", str(tmp_path / "absent"))
    assert status == 2
    assert "There is no directory" in error
    assert "hint: " in error


def test_an_empty_directory_is_a_computer_of_which_nothing_is_known(edgewise: Edgewise, tmp_path: Path) -> None:
    status, _, error = edgewise("select", "--root", str(tmp_path))
    assert status == 2
    assert "No firmware profile fits this computer" in error


def test_a_recorded_board_is_not_asked_for_the_model_that_is_configured_here(
    edgewise: Edgewise, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEWISE_MODEL", "not-here")
    assert edgewise("select", "--root", PI)[0] == 0


def test_a_setting_that_cannot_be_used_is_an_error(edgewise: Edgewise) -> None:
    assert edgewise("select", "--root", PI, "--use", "poetry")[0] == 2
    assert edgewise("select", "--root", PI, "--least-speed", "nan")[0] == 2


@pytest.mark.parametrize(
    ("flags", "holds"),
    [
        (["--prefer", "speed"], lambda one, other: other["predicted"]["decode"] > one["predicted"]["decode"]),
        (["--prefer", "quality"], lambda one, other: other["quality"] > one["quality"]),
        (["--least-speed", "30"], lambda _, other: other["predicted"]["decode"] >= 20),
        (["--context", "16384"], lambda _, other: other["context_length"] == 16384),
        (["--parallel", "1"], lambda _, other: other["parallel"] == 1),
        (["--use", "code"], lambda one, other: other["quality"] >= one["quality"]),
        (["--licences", "any"], lambda one, other: other["score"] >= one["score"]),
    ],
)
def test_wishes_are_heard(edgewise: Edgewise, flags: list[str], holds: Callable[[Any, Any], bool]) -> None:
    ordinary, wished = (json.loads(edgewise("select", "--root", PI, "--json", *more)[1]) for more in ([], flags))
    assert holds(ordinary, wished)


def test_free_licences_are_those_without_conditions(edgewise: Edgewise) -> None:
    free, free_of_all = (
        json.loads(edgewise("select", "--root", PI, "--json", "--licences", kind)[1]) for kind in ("free", "any")
    )
    assert any("has conditions" in entry["reason"] for entry in free["rejected"])
    assert not any("has conditions" in entry["reason"] for entry in free_of_all["rejected"])
    assert free["restrictions"] == ""


def test_this_computer_is_looked_at_without_writing_a_choice(edgewise: Edgewise, tmp_path: Path) -> None:
    asyncio.run(know_speed(Config(state_dir=tmp_path), 1e9))
    status, text, _ = edgewise("select", "--state-dir", str(tmp_path))
    assert status in {0, 1}
    assert text.startswith("computer  ")
    assert not (tmp_path / "decision.json").exists()


def test_a_model_that_the_user_has_chosen_is_named(edgewise: Edgewise, tmp_path: Path, starter: Path) -> None:
    place(ModelStore(tmp_path / "models"), starter, "mine", "starter")
    pinned.write(tmp_path, "mine")
    asyncio.run(know_speed(Config(state_dir=tmp_path), 1e9))
    assert "mine serves because you chose it" in " ".join(edgewise("select", "--state-dir", str(tmp_path))[1].split())


@pytest.mark.parametrize(
    ("selection", "config", "wanted", "words"),
    [
        (chosen(), CONFIG, "", "`edgewise run` downloads and serves it."),
        (chosen(installed="middle"), CONFIG, "", "`edgewise run` serves it."),
        (chosen(), replace(CONFIG, fetch_models=False), "", "`edgewise models pull hf:acme/middle/middle-Q4_K_M.gguf`"),
        (chosen(), replace(CONFIG, offline=True), "", "`edgewise models pull /media/usb/middle-Q4_K_M.gguf`"),
        (chosen(), CONFIG, "small", "`edgewise models use auto`"),
        (chosen(usable=0), CONFIG, "", ""),
        (chosen(usable=0), replace(CONFIG, context=8192), "", "Ask for less context"),
    ],
)
def test_says_what_to_do_next(selection: Selection, config: Config, wanted: str, words: str) -> None:
    step = next_step(selection, config, wanted)
    assert words in step
    assert bool(step) is bool(words)
    lines = "\n".join(summary(selection, PLAIN, 250, step))
    assert step in lines


def test_a_choice_whose_rivals_are_too_large_is_not_in_their_table() -> None:
    selection = select([offer(model("small", 0.5, 20)), offer(model("huge", 60.0, 90))], machine(), CHAT)
    lines = list(runners_up(selection, PLAIN))
    assert lines[1] == "Next best, but needs more memory than the 8.0 GiB that can be used"
    assert len([line for line in lines if line.startswith("  ")]) == 2


def test_a_choice_without_rivals_has_no_table() -> None:
    assert list(runners_up(select([offer()], machine(), CHAT), PLAIN)) == []
    assert list(explanation(select([offer()], machine(), CHAT), PLAIN, 80, every_file=False)) == []


def test_the_engine_is_shown_where_there_is_more_than_one() -> None:
    two = machine(backend(provider="cuda", bandwidth=60e9), backend())
    lines = list(explanation(select([offer()], two, CHAT), PLAIN, 80, every_file=True))
    assert "  ON  " in lines[2]
    assert "  cuda  " in lines[3]
    assert "  cpu " in lines[4]


def test_the_long_name_of_a_file_does_not_widen_the_table() -> None:
    long = offer(model("x" * 90, 1.0, 40, title="x" * 90))
    selection = select([offer(model("middle", 3.0, 55)), long], machine(), CHAT)
    assert all(len(line) <= 80 for line in runners_up(selection, PLAIN))


def test_a_terminal_gets_emphasis_and_everything_else_plain_text() -> None:
    assert any("\x1b[1m" in line for line in summary(chosen(), Style(on=True), 80))
    assert not any("\x1b" in line for line in summary(chosen(), PLAIN, 80))
    assert "\x1b" in Style(on=True).bad("x")
    assert Style(on=True).good("") == ""


def set_on_a_page(state: Path, **values: str) -> None:
    """Keep settings as the page of the device does."""
    store = Store(state / "app.db")
    store.open()
    asyncio.run(DeviceSettings(store, Config(state_dir=state), {}).change(name="Pi", **values))
    store.close()


def test_what_the_owner_has_set_on_the_pages_counts_and_is_said(edgewise: Edgewise, tmp_path: Path) -> None:
    asyncio.run(know_speed(Config(state_dir=tmp_path), 1e9))
    state = ("select", "--json", "--state-dir", str(tmp_path))
    before = json.loads(edgewise(*state)[1])
    assert not (tmp_path / "app.db").exists()
    by_flags = json.loads(edgewise(*state, "--use", "code", "--prefer", "speed")[1])
    set_on_a_page(tmp_path, use="code", prefer="speed")
    wanted = json.loads(edgewise(*state)[1])
    assert wanted["score_parts"] == by_flags["score_parts"] != before["score_parts"]
    assert wanted["notes"][-1] == (
        "Set by the owner on the pages: use code, prefer speed. `--as-configured` leaves that out."
    )
    assert wanted["notes"][-1] in " ".join(edgewise("select", "--state-dir", str(tmp_path), columns=300)[1].split())
    assert json.loads(edgewise(*state, "--as-configured")[1])["notes"] == before["notes"]
    flagged = json.loads(edgewise(*state, "--use", "chat")[1])
    assert "prefer speed" in flagged["notes"][-1]
    assert "use" not in flagged["notes"][-1].partition("`")[0]


def test_a_recorded_board_has_no_owner(edgewise: Edgewise, tmp_path: Path) -> None:
    set_on_a_page(tmp_path, prefer="speed")
    text = edgewise("select", "--root", PI, "--state-dir", str(tmp_path))[1]
    assert text == edgewise("select", "--root", PI)[1]
