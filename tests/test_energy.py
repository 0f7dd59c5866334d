"""Energy, added up from look to look."""

import pytest

from agent.energy import Energy
from agent.hardware.power import Drawn


def test_power_becomes_energy_by_its_mean_between_two_looks() -> None:
    energy = Energy()
    energy.add(0.0, 0, Drawn("board", watts=4.0))
    assert (energy.watts, energy.joules) == (4.0, None)
    energy.add(5.0, 0, Drawn("board", watts=8.0))
    assert (energy.watts, energy.joules, energy.per_token) == (8.0, 30.0, None)


def test_counted_energy_becomes_power() -> None:
    energy = Energy()
    energy.add(0.0, 0, Drawn("package", joules=1000.0))
    energy.add(5.0, 0, Drawn("package", joules=1050.0))
    assert energy.joules == 50.0
    assert energy.watts == 10.0


def test_a_counter_that_begins_anew_adds_nothing() -> None:
    energy = Energy()
    for now, joules in ((0.0, 100.0), (5.0, 150.0), (10.0, 3.0), (15.0, 13.0)):
        energy.add(now, 0, Drawn("package", joules=joules))
    assert energy.joules == 60.0


def test_another_sensor_is_not_compared_with_the_one_before() -> None:
    energy = Energy()
    energy.add(0.0, 0, Drawn("board", watts=100.0))
    energy.add(5.0, 10, Drawn("package", watts=10.0))
    assert (energy.watts, energy.joules, energy.per_token) == (10.0, None, None)


def test_only_looks_in_which_tokens_came_count_for_the_energy_of_a_token() -> None:
    energy = Energy()
    for now, tokens in ((0.0, 0), (5.0, 0), (10.0, 50), (15.0, 50), (20.0, 100)):
        energy.add(now, tokens, Drawn("board", watts=10.0))
    assert energy.joules == pytest.approx(200.0)
    assert energy.per_token == pytest.approx(1.0)


def test_the_energy_of_a_token_follows_another_model() -> None:
    energy = Energy()
    tokens = 0
    for look in range(400):
        tokens += 50 if look < 100 else 5
        energy.add(5.0 * look, tokens, Drawn("board", watts=10.0))
    assert energy.per_token == pytest.approx(10.0, rel=0.05)


def test_nothing_is_known_without_a_sensor() -> None:
    energy = Energy()
    energy.add(0.0, 0, Drawn())
    energy.add(5.0, 50, Drawn())
    assert (energy.watts, energy.joules, energy.per_token) == (None, None, None)
