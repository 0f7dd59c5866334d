"""Duels: what is certain, what is equal, what is kept, and what it says of the models that are here."""

import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.duels import Duel, Duels, Side, interval
from agent.standings import contests, known_by, slower

GGUF = Side("a-q4", "a.gguf 1 1", "llama_cpp", "llama_cpp 1", "cpu", 200.0, 50.0, 100.0)
ONNX = Side("a-int4", "model.onnx 2 2", "onnx", "onnx 1", "cpu", 300.0, 60.0, 110.0)
FASTER = Duel("2026-11-22T10:00:00+00:00", 2, 4, 8, GGUF, ONNX, ratio=0.86, low=0.8, high=0.92)
HERE = {known_by(side.model, side.build): side.name for side in (GGUF, ONNX)}


@given(st.lists(st.floats(0.2, 5.0), min_size=2, max_size=30))
def test_the_interval_holds_the_mean_and_swapping_the_sides_mirrors_it(ratios: list[float]) -> None:
    mean, low, high = interval(ratios)
    assert low <= mean * 1.0001
    assert mean <= high * 1.0001
    assert interval([1 / ratio for ratio in ratios]) == pytest.approx((1 / mean, 1 / high, 1 / low))


def test_the_interval_holds_the_truth_in_95_of_100_duels() -> None:
    rng = random.Random(7)  # noqa: S311 - a simulation
    trials = [interval([math.exp(rng.gauss(0.1, 0.2)) for _ in range(8)]) for _ in range(1000)]
    assert 920 <= sum(low <= math.exp(0.1) <= high for _, low, high in trials) <= 980


def test_one_round_proves_nothing() -> None:
    _, low, high = interval([2.0])
    assert replace(FASTER, ratio=2.0, low=low, high=high).equal


@pytest.mark.parametrize(
    ("ratio", "low", "high", "winner"),
    [
        (0.86, 0.80, 0.92, ONNX),
        (1.2, 1.1, 1.3, GGUF),
        (1.1, 0.9, 1.3, None),
        (1.02, 1.015, 1.025, None),
        (1.02, 1.01, 1.05, GGUF),
    ],
)
def test_the_faster_one_wins_if_the_difference_is_certain_and_can_be_noticed(
    ratio: float, low: float, high: float, winner: Side | None
) -> None:
    assert replace(FASTER, ratio=ratio, low=low, high=high).winner is winner


def test_a_duel_is_kept_in_place_of_the_last_one_between_the_same(tmp_path: Path) -> None:
    duels = Duels(tmp_path / "state" / "duels.json")
    before = duels.version()
    other = replace(FASTER, threads=1)
    turned = replace(FASTER, first=ONNX, second=GGUF, taken="2026-11-23T10:00:00+00:00")
    for duel in (FASTER, other, turned):
        duels.keep(duel)
    assert Duels(tmp_path / "state" / "duels.json").all() == [other, turned]
    assert duels.version() != before


@pytest.mark.parametrize("content", [b"", b"{}", b'[{"taken": 1}]', b"\xff"])
def test_a_damaged_file_is_no_reason_to_fail(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "duels.json"
    path.write_bytes(content)
    duels = Duels(path)
    assert duels.all() == []
    duels.keep(FASTER)
    assert duels.all() == [FASTER]


def test_the_faster_of_two_models_that_are_here_goes_first_and_it_is_said_why() -> None:
    (contest,) = contests([FASTER], HERE, 2)
    assert (contest.winner, contest.loser, contest.equal) == (ONNX.name, GGUF.name, False)
    assert contest.reason == "was 14 % slower here in a duel on 2026-11-22"
    assert slower(replace(FASTER, ratio=1 / 0.86)) == 14


def test_of_two_that_are_equally_fast_llama_cpp_stays() -> None:
    (contest,) = contests([replace(FASTER, first=ONNX, second=GGUF, low=0.7, high=1.1)], HERE, 2)
    assert (contest.winner, contest.loser, contest.equal) == (GGUF.name, ONNX.name, True)
    assert contest.reason == "was as fast here in a duel on 2026-11-22; llama.cpp stays"


@pytest.mark.parametrize("changed", ["file", "build", "threads", "provider"])
def test_a_duel_says_nothing_of_other_files_builds_threads_and_providers(changed: str) -> None:
    here, duel, threads = dict(HERE), FASTER, 2
    match changed:
        case "file":
            here = {known_by("model.onnx 2 3", ONNX.build): ONNX.name, known_by(GGUF.model, GGUF.build): GGUF.name}
        case "build":
            here = {known_by(ONNX.model, "onnx 2"): ONNX.name, known_by(GGUF.model, GGUF.build): GGUF.name}
        case "threads":
            threads = 3
        case "provider":
            duel = replace(FASTER, first=replace(GGUF, provider="cuda"))
    assert contests([duel], here, threads) == []
