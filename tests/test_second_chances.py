"""When models are tried again that have failed for a reason that may pass."""

from agent.second_chances import SecondChances
from tests.security.clock import Clock


def tries(chances: SecondChances, clock: Clock, seconds: int, *, serves: bool) -> list[int]:
    """Return at which of so many seconds a model is tried again that fails each time."""
    found = []
    for second in range(seconds):
        clock.pass_time(1)
        if chances.due(failed=True, serves=serves):
            found.append(second)
            chances.due(failed=False, serves=False)  # while it loads
    return found


def test_where_nothing_serves_it_is_tried_soon_and_then_ever_more_seldom() -> None:
    chances = SecondChances(clock := Clock())
    assert tries(chances, clock, 3000, serves=False) == [30, 91, 392, 1293, 2194]


def test_what_serves_gives_way_to_a_try_after_an_hour_and_then_ever_more_seldom() -> None:
    clock = Clock()
    chances = SecondChances(clock)
    assert not any(chances.due(failed=True, serves=True) for _ in range(3))
    clock.pass_time(3599)
    assert not chances.due(failed=True, serves=True)
    clock.pass_time(1)
    assert chances.due(failed=True, serves=True)
    assert not chances.due(failed=True, serves=True)
    clock.pass_time(3600)
    assert not chances.due(failed=True, serves=True)
    clock.pass_time(4 * 3600)
    assert chances.due(failed=True, serves=True)


def test_after_a_success_the_next_failure_is_tried_soon_again() -> None:
    clock = Clock()
    chances = SecondChances(clock)
    assert len(tries(chances, clock, 3000, serves=False)) == 5
    assert not chances.due(failed=False, serves=True)
    assert tries(chances, clock, 40, serves=False) == [30]


def test_where_nothing_has_failed_nothing_is_tried() -> None:
    clock = Clock()
    chances = SecondChances(clock)
    clock.pass_time(1e9)
    assert not chances.due(failed=False, serves=False)
