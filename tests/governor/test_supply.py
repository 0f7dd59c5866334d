"""The policy for the supply of power."""

import pytest

from agent.governor.supply import Battery, SupplyPolicy


def after(policy: SupplyPolicy, now: float, seconds: float, *flags: str, watts: float | None = None) -> float:
    """Look at the same for some seconds, with at most ten watts allowed; returns the time then."""
    end = now + seconds
    while now < end:
        now += 2
        policy.look(now, flags, None, watts, 10.0)
    return now


def test_low_voltage_halves_the_power_and_no_more_however_long_it_lasts() -> None:
    policy = SupplyPolicy()
    now = after(policy, 0, 3600, "under-voltage")
    assert (policy.level, policy.weak) == (2, True)
    after(policy, now, 250)
    assert (policy.level, policy.weak) == (0, False)


def test_a_dip_of_the_voltage_every_minute_does_not_flap() -> None:
    policy, now, changes = SupplyPolicy(), 0.0, 0
    for _ in range(60):
        before = policy.level
        now = after(policy, now, 2, "under-voltage")
        now = after(policy, now, 58)
        changes += policy.level != before
    assert (policy.level, changes) == (2, 2)


def test_watts_beyond_what_the_owner_allows_cost_a_level_each_until_they_fit() -> None:
    policy = SupplyPolicy()
    now = after(policy, 0, 2, watts=12.0)
    assert policy.level == 1
    now = after(policy, now, 600, watts=9.0)
    assert policy.level == 1  # with a level more it would be too much again
    after(policy, now, 130, watts=5.0)
    assert policy.level == 0


def test_unknown_watts_and_no_limit_call_for_nothing() -> None:
    policy = SupplyPolicy()
    after(policy, 0, 600, watts=None)
    policy.look(700, (), None, 500.0, 0.0)
    assert policy.level == 0


@pytest.mark.parametrize(("left", "level"), [(0.9, 0), (0.2, 2), (0.1, 3), (0.0, 3)])
def test_a_battery_that_ends_is_spared(left: float, level: int) -> None:
    policy = SupplyPolicy()
    policy.look(0, (), Battery(left, discharging=True), None, 0.0)
    assert policy.level == level
    assert policy.on_battery == (level > 0)
    policy.look(2, (), Battery(left, discharging=False), None, 0.0)
    assert policy.level == 0


def test_a_battery_between_two_readings_does_not_flap() -> None:
    policy = SupplyPolicy()
    levels = []
    for second, left in enumerate([0.21, 0.20, 0.21, 0.20, 0.22, 0.26]):
        policy.look(second, (), Battery(left, discharging=True), None, 0.0)
        levels.append(policy.level)
    assert levels == [0, 2, 2, 2, 2, 0]
