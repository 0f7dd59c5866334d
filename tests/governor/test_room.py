"""The policy for memory."""

from dataclasses import replace
from typing import Any

import pytest

from agent.governor.room import ALL, LEAN, NOTHING, SMALLER, MemoryPolicy, Room

MIB = 1 << 20
PLENTY = Room(usable=2000 * MIB, total=8000 * MIB)
TIGHT = replace(PLENTY, usable=150 * MIB)
CRITICAL = replace(PLENTY, usable=60 * MIB)


def after(policy: MemoryPolicy, now: float, seconds: float, room: Room, **given: Any) -> float:  # noqa: ANN401 - of `look`
    """Look at the same for some seconds; returns the time then."""
    end = now + seconds
    while now < end:
        now += 2
        policy.look(now, room, **{"more": 0, "settled": True, **given})
    return now


def test_a_moment_without_room_changes_nothing() -> None:
    policy = MemoryPolicy()
    now = after(policy, 0, 6, CRITICAL)
    after(policy, now, 600, PLENTY)
    assert policy.stage == ALL


def test_caches_go_first_then_the_large_model() -> None:
    policy = MemoryPolicy()
    now = after(policy, 0, 12, TIGHT)
    assert policy.stage == LEAN
    now = after(policy, now, 20, TIGHT)
    assert policy.stage == SMALLER
    after(policy, now, 3600, TIGHT)
    assert policy.stage == SMALLER


def test_before_the_kernel_kills_nothing_runs() -> None:
    policy = MemoryPolicy()
    after(policy, 0, 30, CRITICAL)
    assert policy.stage == NOTHING


def test_the_smaller_model_gets_its_chance_before_there_is_none() -> None:
    policy = MemoryPolicy()
    now = after(policy, 0, 12, CRITICAL)
    assert policy.stage == LEAN
    after(policy, now, 6, CRITICAL)
    assert policy.stage == SMALLER
    after(policy, now, 60, CRITICAL, settled=False)
    assert policy.stage == SMALLER


@pytest.mark.parametrize(
    ("room", "stage"),
    [
        (replace(PLENTY, some=0.3), LEAN),
        (replace(PLENTY, some=0.3, full=0.06), SMALLER),
        (replace(PLENTY, some=0.5, full=0.3), NOTHING),
        (replace(PLENTY, some=0.2, full=0.04), ALL),
    ],
)
def test_pressure_counts_where_the_kernel_accounts_it(room: Room, stage: int) -> None:
    policy = MemoryPolicy()
    after(policy, 0, 120, room)
    assert policy.stage == stage


def test_a_kernel_that_has_run_out_of_memory_in_our_group_is_answered_at_once() -> None:
    policy = MemoryPolicy()
    policy.look(0, replace(PLENTY, killed=3), more=0, settled=True)
    assert policy.stage == ALL  # of an earlier life
    policy.look(2, replace(PLENTY, killed=4), more=0, settled=True)
    assert policy.stage == LEAN


def test_it_is_as_before_after_five_minutes_with_room_for_what_returns() -> None:
    policy = MemoryPolicy()
    now = after(policy, 0, 34, TIGHT)
    assert policy.stage == SMALLER
    now = after(policy, now, 3600, PLENTY, more=1900 * MIB)
    assert policy.stage == SMALLER
    now = after(policy, now, 304, PLENTY, more=500 * MIB)
    assert policy.stage == LEAN
    after(policy, now, 304, PLENTY)
    assert policy.stage == ALL


def test_patience_doubles_when_the_large_model_was_too_much_again() -> None:
    policy, waits, now = MemoryPolicy(), [], 0.0
    for _ in range(3):
        now = after(policy, now, 40, TIGHT)
        begun = now
        while policy.stage == SMALLER:
            now = after(policy, now, 2, PLENTY)
        waits.append(now - begun)
    assert waits == pytest.approx([300, 600, 1200], abs=6)


@pytest.mark.parametrize(("total", "needed"), [(512, 48), (2000, 48), (8000, 160), (64000, 256)])
def test_what_must_be_left_depends_on_the_size_of_the_computer_within_bounds(total: int, needed: int) -> None:
    assert Room(0, total * MIB).needed == needed * MIB


def test_where_nothing_can_be_read_nothing_is_done() -> None:
    policy = MemoryPolicy()
    after(policy, 0, 600, Room(0, 0))
    assert policy.stage == ALL
