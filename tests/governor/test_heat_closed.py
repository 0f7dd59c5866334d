"""The policy for heat on modelled boards: what it prevents, what it costs, and that it does not flap."""

import pytest

from tests.governor.board import BARE, CABINET, COOLED, RECORDED, Board, Cooling, always, bursts, hours
from tests.governor.closed_loop import governed, trace

LOADS = {"always": always, "chat": bursts(20, 40), "busy": bursts(60, 30), "shifts": bursts(600, 600)}


def test_the_model_warms_up_as_the_recorded_board_did() -> None:
    board, points = Board(RECORDED, limit=200.0), dict(trace("recorded-raspberry-pi-4"))
    for second in range(61, 401):
        board.advance(busy=True)
        if (celsius := points.get(second)) is not None and second > 70:
            assert board.celsius == pytest.approx(celsius, abs=1.0), second


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("cooling", [RECORDED, BARE], ids=["heat sink", "bare"])
def test_no_second_is_spent_at_the_limit_and_hardly_a_token_is_lost(cooling: Cooling, load: str) -> None:
    left_alone, run = (governed(cooling, hours(2), LOADS[load], on=on) for on in (False, True))
    assert run.board.above == 0
    assert run.board.decoded >= 0.8 * left_alone.board.decoded
    assert run.board.read >= 0.4 * left_alone.board.read
    assert left_alone.board.above > 0 or not run.changes


@pytest.mark.parametrize("load", LOADS)
def test_a_board_that_is_cooled_is_never_slowed_down(load: str) -> None:
    run = governed(COOLED, hours(2), LOADS[load])
    assert run.changes == []


@pytest.mark.parametrize("load", LOADS)
def test_in_a_hot_cabinet_the_first_seconds_of_work_are_all_that_is_too_hot(load: str) -> None:
    run = governed(CABINET, hours(2), LOADS[load])
    assert run.board.above <= 4
    assert run.highest < 81


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cooling", [RECORDED, BARE, CABINET], ids=["heat sink", "bare", "cabinet"])
def test_the_level_changes_at_most_a_dozen_times_an_hour_and_less_as_time_goes_by(cooling: Cooling, seed: int) -> None:
    run = governed(cooling, hours(4), always, seed=seed)
    first, last = (sum(hours(hour) <= at < hours(hour + 1) for at, _ in run.changes) for hour in (0, 3))
    assert first <= 12
    assert last <= 4


def test_whoever_works_in_shifts_gets_full_speed_back_in_the_pauses() -> None:
    run = governed(RECORDED, hours(2), LOADS["shifts"])
    assert sum(level == 0 for _, level in run.changes) >= 2
    assert len(run.changes) <= 30


def test_a_smaller_model_is_wanted_only_where_fewer_threads_are_not_enough() -> None:
    assert governed(CABINET, hours(1), always).policy.lasting
    assert not governed(RECORDED, hours(1), always).policy.lasting
