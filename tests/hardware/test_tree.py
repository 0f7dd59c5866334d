import os
from pathlib import Path

import pytest

from agent.hardware.tree import Tree, number
from tests.hardware.planting import plant, tree


def test_a_missing_file_is_empty(tmp_path: Path) -> None:
    nothing = Tree(tmp_path)
    assert nothing.text("proc/version") == ""
    assert nothing.lines("proc/version") == [""]
    assert nothing.number("proc/version") is None
    assert nothing.table("proc/version", ":") == {}
    assert nothing.strings("proc/version") == []
    assert nothing.glob("sys/*/x") == []
    assert not nothing.exists("proc/version")


def test_a_missing_root_is_an_empty_tree(tmp_path: Path) -> None:
    assert Tree(tmp_path / "none").text("proc/version") == ""


@pytest.mark.parametrize("content", [b"a\0b", b"\xff\xfe", b"two\nlines", b"\x1b[2Jred", b"x" * 5000])
def test_a_value_is_one_line_of_text(tmp_path: Path, content: bytes) -> None:
    assert tree(tmp_path, {"value": content}).text("value") == ""


def test_a_directory_or_a_named_pipe_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert Tree(tmp_path).text("directory") == ""
    assert Tree(tmp_path).text("pipe") == ""


def test_symbolic_links_that_go_round_in_circles_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "deep").symlink_to(".")
    assert Tree(tmp_path).text("a") == ""
    assert Tree(tmp_path).resolve("a") in {"", "a", "b"}
    assert Tree(tmp_path).glob("*/*/*/x")


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside"])
def test_links_out_of_a_recorded_tree_lead_nowhere(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").write_text("secret")
    root = plant(tmp_path / "tree", {"inside": "fine"})
    (root / "link").symlink_to(target)
    (root / "good").symlink_to("inside")
    assert Tree(root).text("link") == ""
    assert not Tree(root).exists("link")
    assert Tree(root).resolve("link") == ""
    assert Tree(root).text("good") == "fine"
    assert Tree(root).resolve("good") == "inside"


def test_a_huge_file_is_read_up_to_a_bound_and_its_broken_line_left_out(tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(b"key: 1234567\n" * 1_000_000)
    lines = Tree(tmp_path).lines("huge")
    assert len(lines) < 100_000
    assert set(lines) == {"key: 1234567", ""}


def test_lines_that_are_not_text_are_left_out(tmp_path: Path) -> None:
    assert tree(tmp_path, {"x": b"good: 1\nbad: \xff\nodd: \x07\n"}).table("x", ":") == {"good": "1"}


def test_the_first_of_two_equal_keys_counts(tmp_path: Path) -> None:
    assert tree(tmp_path, {"x": "a: 1\na: 2\nb\n"}).table("x", ":") == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("-1", None),
        ("1_0", None),
        ("9" * 19, None),
        ("9" * 5000, None),
        ("", None),
        ("4.2", None),
        ("٣", None),
    ],
)
def test_a_number_is_a_whole_and_sensible_one(text: str, value: int | None) -> None:
    assert number(text) == value


def test_numbers_may_be_hexadecimal_or_negative(tmp_path: Path) -> None:
    assert number("0x10de", base=16) == 0x10DE
    assert number("50005", base=16) == 0x50005
    assert tree(tmp_path, {"x": "-5000\n"}).number("x", least=-40000) == -5000


def test_matches_come_in_numeric_order(tmp_path: Path) -> None:
    planted = tree(tmp_path, {f"cpu{index}/online": "1" for index in (0, 2, 10, 1)})
    assert planted.glob("cpu[0-9]*/online") == [f"cpu{index}/online" for index in (0, 1, 2, 10)]


def test_a_file_is_read_once(tmp_path: Path) -> None:
    planted = tree(tmp_path, {"x": "first"})
    assert planted.text("x") == "first"
    (tmp_path / "x").write_text("second")
    assert planted.text("x") == "first"


def test_a_file_whose_reading_fails_is_empty() -> None:
    assert Tree(Path("/")).text("proc/self/mem") == ""  # nothing is mapped at address 0


@pytest.mark.skipif(os.getuid() == 0, reason="root can read everything")
def test_an_unreadable_file_is_empty(tmp_path: Path) -> None:
    planted = tree(tmp_path, {"x": "secret"})
    (tmp_path / "x").chmod(0)
    assert planted.text("x") == ""
