"""What is wrong in a TOML file is said with its place."""

import tomllib
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from agent.errors import ConfigError
from agent.strict_toml import read
from agent.toml_lines import Key, find_line


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: Annotated[int, Meta(ge=0)]
    source: str = ""


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    name: str
    bytes: int


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    main: Part | None = None
    parts: list[Part] = []
    rows: list[Row] = []
    scores: dict[str, float] = {}


def written(folder: Path, text: str) -> Path:
    path = folder / "thing.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(written(folder, text), Thing)
    return caught.value


def test_reads_a_struct(tmp_path: Path) -> None:
    path = written(tmp_path, 'title = "é"\nrows = [["a", 1]]\n[main]\nsize = 3\n[[parts]]\nsize = 4\n')
    assert read(path, Thing) == Thing("é", Part(3), [Part(4)], [Row("a", 1)])


def test_names_an_unknown_key_its_line_and_the_one_that_was_meant(tmp_path: Path) -> None:
    error = refused(tmp_path, 'title = "x"\n\n[main]\nsize = 3\nsuorce = "y"\n')
    assert error.message == f"{tmp_path}/thing.toml, line 5: there is no key 'suorce' in main."
    assert error.hint == "Did you mean 'source'?"


def test_lists_the_keys_when_none_is_similar(tmp_path: Path) -> None:
    error = refused(tmp_path, 'title = "x"\nqqq = 1\n')
    assert error.message.endswith("line 2: there is no key 'qqq'.")
    assert error.hint == "The keys are title, main, parts, rows, scores."


def test_names_the_table_that_lacks_a_key(tmp_path: Path) -> None:
    error = refused(tmp_path, 'title = "x"\n[[parts]]\nsize = 1\n[[parts]]\nsource = "y"\n')
    assert error.message.endswith("line 4: the key 'size' is missing in parts[1].")


def test_names_the_file_that_lacks_a_key(tmp_path: Path) -> None:
    assert refused(tmp_path, "\n").message.endswith("line 1: the key 'title' is missing.")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("title = 3", "line 1: title is wrong: expected `str`, got `int`."),
        ('title = "x"\nmain = { source = "y", size = "1" }', "line 2: main.size is wrong: expected `int`, got `str`."),
        ('title = "x"\nmain.size = -1', "line 2: main.size is wrong: expected `int` >= 0."),
        ('title = "x"\nrows = [\n["a", 1],\n["b", "c"],\n]', "line 4: rows[1][1] is wrong: expected `int`, got `str`."),
        ('title = "x"\n[scores]\na = 1\nb = "2"', "line 2: scores is wrong: expected `float`, got `str`."),
    ],
)
def test_names_a_value_of_the_wrong_type(tmp_path: Path, text: str, place: str) -> None:
    assert refused(tmp_path, text).message == f"{tmp_path}/thing.toml, {place}"


def test_finds_the_fields_of_structs_in_lists_and_behind_none(tmp_path: Path) -> None:
    assert refused(tmp_path, 'title = "x"\nparts = [{ size = 1, sourc = "" }]').hint == "Did you mean 'source'?"
    assert refused(tmp_path, 'title = "x"\nmain = { size = 1, sourc = "" }').hint == "Did you mean 'source'?"


def test_passes_on_what_the_parser_says(tmp_path: Path) -> None:
    error = refused(tmp_path, 'title = "x"\nmain = \n')
    assert error.message == f"{tmp_path}/thing.toml is not TOML: Invalid value (at line 2, column 8)."


def test_a_file_that_is_missing_or_binary_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "none.toml", Thing)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "binary.toml", Thing)


DOCUMENT = r'''# title = 0
a = "[not.a.table] = \"1\""
b.c = [1, { x = 2, "y z" = [3.5] }, """
d = 7 \"""
"""]
[t . "u.v"]
k = '['
w = 1979-05-27 07:32:00
[[m]]
n = [
  # a = 1
  ["p", 'q'],
  ["r"],
]
[m.o]
s = 1
[[m]]
[[m.o]]
s = 2
[[m.o]]
s = 3
e = {}
'''


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (["a"], 2),
        (["b", "c", 1, "y z", 0], 3),
        (["b", "c", 2], 3),
        (["t"], 6),
        (["t", "u.v", "k"], 7),
        (["t", "u.v", "w"], 8),
        (["m", 0, "n"], 10),
        (["m", 0, "n", 0, 1], 12),
        (["m", 0, "n", 1], 13),
        (["m", 0, "o", "s"], 16),
        (["m", 1], 17),
        (["m", 1, "o", 0, "s"], 19),
        (["m", 1, "o", 1], 20),
        (["m", 1, "o", 1, "e"], 22),
        (["m", 1, "o", 1, "not there", 5], 20),
        (["not there"], 1),
    ],
)
def test_finds_the_line_of_every_kind_of_key(keys: list[Key], line: int) -> None:
    tomllib.loads(DOCUMENT)
    assert find_line(DOCUMENT, keys) == line
