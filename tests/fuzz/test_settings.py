"""Files that people write, and flags: what cannot be meant is said in a sentence with a hint, and nothing breaks."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import profiles
from agent.catalog import BUILT_IN, Family
from agent.config import SETTINGS, Resolved, resolve
from agent.errors import ConfigError
from agent.profiles import Profile
from agent.strict_toml import read
from tests.fuzz.effort import examples, found

NAMES = [setting.name for setting in SETTINGS]
LITERALS = [
    *(
        "0",
        "-1",
        "nan",
        "-inf",
        "9" * 5000,
        "0x" + "f" * 9000,
        "1" + "0" * 400,
        "1e999",
        "true",
        "2026-11-22",
        "07:32:00",
    ),
    *(
        '""',
        '"\\u0000"',
        '"~nobody-of-this-name/a"',
        '"~"',
        '"🦊"',
        '"' + "a" * 70_000 + '"',
        '"[["',
        '"(((((("',
        '"a{99999999999}"',
    ),
    *("[]", "[[]]", "{}", "[{}]", "{a = 1}", "[" * 1500 + "]" * 1500, '["a", 1, {b = 2}]', '"%s{0}{x}"', "'''\n'''"),
]
VALUES = st.sampled_from(LITERALS) | st.integers().map(str) | st.text(max_size=20)
LINES = st.builds("{} = {}".format, st.sampled_from([*NAMES, "a.b", '"\\n"', "mqtt.url"]), VALUES)
TABLES = st.builds("[{}]".format, st.sampled_from(["mqtt", "a", "a.b.c", "[mqtt]", "", '""', "." * 9, "a" * 9000]))
SOUND: dict[str, tuple[type[object], str]] = {
    "profile": (Profile, (profiles.built_in() / "raspberry-pi-5.toml").read_text()),
    "family": (Family, next(iter(sorted(BUILT_IN.glob("qwen*.toml")))).read_text()),
}
_VALUE = re.compile(r"(?<== )[^\n{}]+$", re.MULTILINE)


def assert_helpful(error: ConfigError) -> None:
    assert error.hint or ", line " in error.message
    assert len(error.message) < 2000


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings") / "config.toml"


def resolved(path: Path) -> Resolved | None:
    try:
        return resolve({}, path)
    except ConfigError as error:
        assert_helpful(error)
        return None


@pytest.mark.parametrize("name", found("settings"))
def test_what_once_broke_the_start_is_refused(name: str) -> None:
    accepted = resolved(found("settings")[name])
    assert (accepted is not None) == (name == "mark-of-order")


@given(lines=st.lists(LINES | TABLES | st.text(max_size=20), max_size=4))
@examples(80)
def test_any_configuration_is_read_or_refused(file: Path, lines: list[str]) -> None:
    file.write_bytes("\n".join(lines).encode(errors="replace"))
    resolved(file)


@given(content=st.binary(max_size=60))
@examples(80)
def test_any_bytes_are_read_or_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    resolved(file)


@given(
    name=st.sampled_from(NAMES), value=st.text(max_size=30) | st.sampled_from(LITERALS) | st.integers() | st.floats()
)
@examples(80)
def test_any_flag_is_taken_or_refused(name: str, value: object) -> None:
    try:
        resolve({name: value})
    except ConfigError as error:
        assert_helpful(error)


@given(what=st.sampled_from(sorted(SOUND)), place=st.integers(0, 10_000), value=VALUES)
@examples(80)
def test_own_profiles_and_families_are_read_or_refused(file: Path, what: str, place: int, value: str) -> None:
    kind, text = SOUND[what]
    places = list(_VALUE.finditer(text))
    chosen = places[place % len(places)]
    written = text[: chosen.start()] + value + text[chosen.end() :]
    file.write_bytes(written.encode(errors="replace"))
    try:
        assert isinstance(read(file, kind), kind)
    except ConfigError as error:
        assert_helpful(error)


@pytest.mark.parametrize("name", found("profiles"))
def test_what_once_broke_a_profile_is_refused(file: Path, name: str) -> None:
    kind, text = SOUND["profile"]
    architecture = 'architecture = "aarch64"'
    assert architecture in text
    file.write_text(text.replace(architecture, found("profiles")[name].read_text()))
    with pytest.raises(ConfigError):
        read(file, kind)
