"""The order in which models were used."""

from pathlib import Path

from agent.upkeep.uses import Uses

DAY = 86_400.0


def names(uses: Uses) -> list[str]:
    return [use.name for use in uses.all()]


def test_the_latest_comes_last_whatever_the_clock_says(tmp_path: Path) -> None:
    uses = Uses(tmp_path / "uses.json")
    uses.follow({"a", "b", "c"})
    uses.note("b", 2000.0)
    uses.note("a", 5.0)  # the clock was set back
    assert names(Uses(tmp_path / "uses.json")) == ["c", "b", "a"]
    assert uses.last("c") == 0


def test_a_new_model_counts_as_used_and_a_removed_one_is_forgotten(tmp_path: Path) -> None:
    uses = Uses(tmp_path / "uses.json")
    uses.follow({"a", "b"})
    uses.note("a", 1.0)
    uses.follow({"b", "new"})
    assert names(uses) == ["b", "new"]


def test_what_goes_on_is_written_once_a_day(tmp_path: Path) -> None:
    path = tmp_path / "uses.json"
    uses, written, last = Uses(path), 0, b""
    uses.follow({"a"})
    for minute in range(2 * 24 * 60):
        uses.note("a", DAY + minute * 60.0)
        if path.read_bytes() != last:
            last, written = path.read_bytes(), written + 1
    assert written <= 4
    uses.keep()
    assert Uses(path).last("a") == uses.last("a")


def test_nonsense_in_the_file_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "uses.json"
    path.write_bytes(b'{"a": ')
    assert names(Uses(path)) == []
