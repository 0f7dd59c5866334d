"""The policy for heat, look by look."""

import math

import pytest

from agent.governor.heat import HeatPolicy
from agent.governor.sensor import Heat, Seen, Sensors
from agent.inference.shares import LOWEST
from tests.governor.closed_loop import TICK, between, trace

LIMIT = 80.0


def heat(celsius: float, slope: float = 0.0) -> Heat:
    return Heat("cpu", celsius, LIMIT, slope)


def after(policy: HeatPolicy, now: float, seconds: float, seen: Heat | None, *flags: str, busy: bool = True) -> float:
    """Look at the same for some seconds; returns the time then."""
    end = now + seconds
    while now < end:
        now += TICK
        policy.look(now, seen, flags, busy=busy)
    return now


def test_a_board_that_warms_up_as_a_real_one_did_is_slowed_down_before_it_throttles() -> None:
    points, sensors, policy = trace("recorded-raspberry-pi-4"), Sensors(), HeatPolicy()
    changes = []
    for second in range(0, 398, TICK):  # it throttled at 398
        celsius = round(between(points, second))
        if policy.look(second, sensors.look(second, [Seen("cpu", celsius, LIMIT)]), (), busy=True):
            changes.append(second)
    assert 250 < changes[0] < 350
    assert policy.level > 0


@pytest.mark.parametrize("name", ["hostile-dropouts", "hostile-spikes", "hostile-steps"])
def test_what_a_broken_sensor_says_slows_nothing_down(name: str) -> None:
    sensors, policy = Sensors(), HeatPolicy()
    for second, celsius in trace(name) * 3:
        seen = [] if celsius is None else [Seen("cpu", celsius, LIMIT)]
        policy.look(second, sensors.look(second, seen), (), busy=True)
        assert policy.level == 0, (second, celsius)


@pytest.mark.parametrize("celsius", [0.0, 79.0, 95.0, 149.0, math.nan])
def test_a_sensor_that_has_never_moved_slows_nothing_down(celsius: float) -> None:
    sensors, policy = Sensors(), HeatPolicy()
    for second in range(0, 3600, TICK):
        policy.look(second, sensors.look(second, [Seen("cpu", celsius, LIMIT)]), (), busy=True)
        assert policy.level == 0


def test_a_sensor_that_gets_stuck_while_it_is_hot_is_forgotten() -> None:
    sensors, policy = Sensors(), HeatPolicy()
    for second in range(0, 7200, TICK):
        celsius = 60 + second / 4 if second < 100 else 85.0
        policy.look(second, sensors.look(second, [Seen("cpu", celsius, LIMIT)]), (), busy=True)
        if second == 200:
            assert policy.level == LOWEST
    assert policy.level == 0


def test_a_sensor_that_stands_still_while_it_is_cool_is_believed() -> None:
    sensors, policy, levels = Sensors(), HeatPolicy(), []
    for second in range(0, 900, TICK):
        celsius = 81.0 + second % 4 / 4 if second < 30 else 50.0
        policy.look(second, sensors.look(second, [Seen("cpu", celsius, LIMIT)]), (), busy=True)
        levels.append(policy.level)
    assert (max(levels), levels[500 // TICK]) == (LOWEST, 0)


def test_a_sensor_that_vanishes_while_it_is_hot_changes_nothing_at_first() -> None:
    policy = HeatPolicy()
    now = after(policy, 0, 60, heat(81))
    assert policy.level == LOWEST
    now = after(policy, now, 590, None)
    assert policy.level == LOWEST
    after(policy, now, 3600, None)
    assert policy.level == 0


def test_steps_are_large_beyond_the_limit_and_small_before_it() -> None:
    near, beyond, coming = HeatPolicy(), HeatPolicy(), HeatPolicy()
    near.look(0, heat(78.5), (), busy=True)
    beyond.look(0, heat(80.5), (), busy=True)
    coming.look(0, heat(76, slope=0.25), (), busy=True)
    assert (near.level, beyond.level, coming.level) == (1, 2, 1)


def test_a_rise_far_below_the_limit_and_a_fall_near_it_are_left_alone() -> None:
    policy = HeatPolicy()
    after(policy, 0, 60, heat(60, slope=0.9))
    after(policy, 100, 60, heat(79, slope=-0.2))
    assert policy.level == 0


def test_work_that_begins_makes_a_jump_which_is_no_slope() -> None:
    sensors, policy = Sensors(), HeatPolicy()
    for second in range(0, 60, TICK):
        celsius = (64.0 if second < 20 else 71.0 if second < 22 else 75.0) + 0.2 * (second % 4)
        policy.look(second, sensors.look(second, [Seen("cpu", celsius, LIMIT)]), (), busy=True)
        assert policy.level == 0, second


def test_levels_return_one_by_one_after_two_cool_minutes_each() -> None:
    policy = HeatPolicy()
    now = after(policy, 0, 30, heat(81))
    assert policy.level == LOWEST
    levels = []
    for _ in range(3):
        now = after(policy, now, 126, heat(55))
        levels.append(policy.level)
    assert levels == [2, 1, 0]


def test_patience_doubles_when_a_return_was_too_early() -> None:
    policy, waits, now = HeatPolicy(), [], 0.0
    for _ in range(4):
        while not policy.level:
            now = after(policy, now, 2, heat(78.5))
        begun = now
        while policy.level:
            now = after(policy, now, 2, heat(70))
        waits.append(now - begun)
    assert waits == pytest.approx([120, 240, 480, 960], abs=4)


def test_what_the_firmware_does_counts_as_too_late() -> None:
    policy = HeatPolicy()
    policy.look(0, heat(70), ("throttled",), busy=True)
    assert policy.level == 2


@pytest.mark.parametrize("flags", [("soft temperature limit",), ("under-voltage", "throttled", "frequency capped")])
def test_gentle_limits_and_weak_power_supplies_are_no_heat(flags: tuple[str, ...]) -> None:
    policy = HeatPolicy()
    after(policy, 0, 60, heat(70), *flags)
    assert policy.level == 0


def test_flags_of_a_cold_board_are_no_heat_and_without_a_sensor_they_lead_half_way() -> None:
    cold, blind = HeatPolicy(), HeatPolicy()
    after(cold, 0, 60, heat(40), "throttled")
    after(blind, 0, 600, None, "throttled")
    assert (cold.level, blind.level) == (0, 2)


def test_a_smaller_model_is_wanted_after_three_minutes_of_work_in_the_heat_and_not_while_idle() -> None:
    working, idle = HeatPolicy(), HeatPolicy()
    after(working, 0, 220, heat(79))
    after(idle, 0, 3600, heat(79), busy=False)
    assert (working.lasting, idle.lasting) == (True, False)
    now = after(working, 220, 420, heat(50))
    assert (working.level, working.lasting) == (0, True)
    after(working, now, 620, heat(50))
    assert not working.lasting
