"""How long a link waits."""

from agent.telemetry.link.pace import Backoff, Pace


def longest(low: float, high: float) -> float:
    del low
    return high


def test_the_wait_after_a_loss_doubles_to_two_minutes() -> None:
    backoff = Backoff(Pace(), longest)
    waits = [backoff.after(refused=False, lived=0) for _ in range(9)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 120, 120]


def test_the_wait_may_be_any_part_of_that_so_that_a_fleet_does_not_come_back_in_step() -> None:
    bounds: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        bounds.append((low, high))
        return low

    backoff = Backoff(Pace(), draw)
    for _ in range(3):
        backoff.after(refused=False, lived=0)
    assert bounds == [(0, 1), (0, 2), (0, 4)]


def test_a_connection_that_lived_for_a_minute_starts_anew_and_a_shorter_one_does_not() -> None:
    backoff = Backoff(Pace(), longest)
    for _ in range(5):
        backoff.after(refused=False, lived=0)
    assert backoff.after(refused=False, lived=59) == 32
    assert backoff.after(refused=False, lived=60) == 1


def test_a_refusal_is_tried_again_after_five_minutes_to_half_an_hour() -> None:
    backoff = Backoff(Pace(), longest)
    assert [backoff.after(refused=True, lived=0) for _ in range(5)] == [300, 600, 1200, 1800, 1800]
    assert min(Backoff(Pace()).after(refused=True, lived=0) for _ in range(50)) >= 240


def test_a_year_of_tries_overflows_nothing() -> None:
    backoff = Backoff(Pace(), longest)
    assert {backoff.after(refused=False, lived=0) for _ in range(5000)} == {1, 2, 4, 8, 16, 32, 64, 120}
