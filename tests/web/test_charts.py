"""Charts as SVG paths."""

import math

from web.charts import HEIGHT, WIDTH, chart

GAP = math.nan


def test_values_go_from_left_to_right_and_high_ones_up() -> None:
    drawn = chart([0.0, 50.0, 100.0], low=0.0, high=100.0)
    assert drawn.line == f"M0 {HEIGHT}L{WIDTH // 2} {HEIGHT // 2}L{WIDTH} 0"
    assert drawn.area == f"{drawn.line}V{HEIGHT}H0Z"


def test_a_gap_breaks_the_line_and_a_lonely_value_is_a_dot() -> None:
    drawn = chart([GAP, 1.0, GAP, 0.0, 0.0], low=0.0, high=1.0)
    assert drawn.line == f"M80 0h0M240 {HEIGHT}L320 {HEIGHT}"


def test_the_numbers_are_those_of_all_values_also_of_those_that_are_drawn_together() -> None:
    drawn = chart([*([1.0] * 999), 3.0], low=0.0, high=10.0)
    assert (drawn.least, drawn.most, drawn.latest) == (1.0, 3.0, 3.0)
    assert drawn.mean is not None
    assert math.isclose(drawn.mean, 1.002)
    assert drawn.line.count("L") < 200


def test_a_value_beyond_the_top_raises_it_where_it_may_and_is_cut_where_not() -> None:
    assert chart([37.0], low=0.0, high=10.0, grow=10.0).high == 40.0
    cut = chart([37.0, 5.0], low=0.0, high=10.0)
    assert (cut.high, cut.line) == (10.0, f"M0 0L{WIDTH} {HEIGHT // 2}")


def test_nothing_known_draws_nothing() -> None:
    drawn = chart([GAP, GAP], low=0.0, high=1.0)
    assert (drawn.line, drawn.area, drawn.mean, drawn.latest) == ("", "", None, None)
