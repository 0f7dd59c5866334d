"""Every recorded board in tests/boards: the probe finds its facts, the right profile is matched and model chosen.

A new folder there is a new test. `docs/add-a-board.md` says how to record one.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.chooser import Chooser
from agent.config import Config
from agent.hardware import probe
from agent.hardware.facts import Hardware
from agent.inference.set_aside import SetAside
from agent.measurements import Measurements
from agent.models import ModelStore
from agent.profiles import built_in, load_profiles, match, matches
from agent.selection import Selection
from agent.strict_toml import read

BOARDS = sorted(path.parent for path in (Path(__file__).parent / "boards").glob("*/expected.toml"))
PROFILES = load_profiles(built_in())


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a board must be seen as.

    Attributes:
        source: where the facts in the tree come from.
        proven: whether the tree was recorded on such a board.
        profile: name of the firmware profile that must be matched.
        hardware: facts that the probe must find, as `edgewise probe --json` shows them, or some of them; `usable`
            (memory) and `big_cores` are what follows from them.
        selected: what must be chosen for it, as `edgewise select --root DIR --json` shows it, or some of it.
    """

    source: str
    proven: bool
    profile: str
    hardware: dict[str, Any]
    selected: dict[str, Any] = {}


def found_facts(hardware: Hardware) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(hardware)
    return facts | {"usable": hardware.memory.usable, "big_cores": hardware.cpu.big_cores}


def differences(expected: object, found: object, place: str = "") -> Iterator[str]:
    """Yield where `found` lacks or contradicts something that is expected; what it has besides is fine."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            yield from differences(value, found.get(key, "nothing of this name"), f"{place}.{key}".lstrip("."))
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, value in enumerate(expected):
            yield from differences(value, found[index], f"{place}[{index}]")
    elif expected != found:
        yield f"{place}: expected {expected!r}, found {found!r}"


@pytest.fixture(params=BOARDS, ids=lambda board: board.name)
def board(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_the_probe_finds_the_facts(board: Path) -> None:
    expected = read(board / "expected.toml", Expected)
    assert expected.source
    assert {"board", "cpu", "memory"} <= expected.hardware.keys()
    assert not list(differences(expected.hardware, found_facts(probe(board / "tree"))))


def test_the_right_profile_is_matched(board: Path) -> None:
    assert match(probe(board / "tree"), PROFILES).name == read(board / "expected.toml", Expected).profile


def selected(tree: Path, state: Path) -> Selection:
    """Return what is chosen for a recorded board on which nothing is installed."""
    config = Config(state_dir=state)
    parts = ModelStore(config.models_dir), SetAside(state / "set-aside.json"), Measurements(state / "measurements.json")
    return asyncio.run(Chooser(config, *parts, {}, tree).choose(remember=False))


def test_the_right_model_is_chosen(board: Path, tmp_path: Path) -> None:
    expected = read(board / "expected.toml", Expected)
    found: dict[str, Any] = msgspec.to_builtins(selected(board / "tree", tmp_path), enc_hook=str)
    assert expected.selected.keys() >= {"model", "quantization", "provider"}
    assert not list(differences(expected.selected, found))
    assert found["memory"]["total"] <= found["budget"]["usable"]
    assert list(tmp_path.iterdir()) == [], "a recorded board leaves nothing behind"


def test_no_two_profiles_that_fit_have_the_same_rank(board: Path) -> None:
    hardware = probe(board / "tree")
    ranks = [profile.rank for profile in PROFILES if matches(profile, hardware)]
    assert len(ranks) == len(set(ranks))


def test_recorded_trees_hold_nothing_that_identifies_a_computer(board: Path) -> None:
    names = {path.name for path in (board / "tree").rglob("*")}
    assert not names & {"product_serial", "product_uuid", "board_serial", "serial-number", "hostname", "cmdline"}
    assert "Serial" not in (board / "tree/proc/cpuinfo").read_text(encoding="utf-8")


def test_most_of_what_people_have_is_there() -> None:
    assert len(BOARDS) >= 18


def test_a_difference_is_told_with_its_place() -> None:
    expected = {"cpu": {"clusters": [{"cores": 4}], "l2": 1}, "memory": {"total": 3}}
    found = {"cpu": {"clusters": [{"cores": 2, "name": "x"}], "l2": 1}, "memory": {}}
    assert list(differences(expected, found)) == [
        "cpu.clusters[0].cores: expected 4, found 2",
        "memory.total: expected 3, found 'nothing of this name'",
    ]
