"""What a disk or the owner's quota has no room for is not chosen, unless it is here already."""

from dataclasses import replace

from agent.selection import select
from tests.selection.making import CHAT, GIB, MIB, machine, model, offer, rejected

SMALL = offer(model("small", 0.5, 20))
MIDDLE = offer(model("middle", 3.0, 55))


def test_a_file_that_the_disk_cannot_hold_is_not_chosen() -> None:
    selection = select([SMALL, MIDDLE], machine(disk=1 * GIB), CHAT)
    assert selection.model == "small"
    assert rejected(selection, "middle").reason == "needs more room on the disk than the 1.0 GiB that are free"


def test_a_file_that_the_quota_does_not_allow_is_not_chosen_unless_it_is_here() -> None:
    bounded = machine(quota=1 * GIB)
    selection = select([SMALL, MIDDLE], bounded, CHAT)
    assert selection.model == "small"
    assert rejected(selection, "middle").reason == "needs more room than the 1.0 GiB that models may take"
    assert select([SMALL, replace(MIDDLE, installed="middle")], bounded, CHAT).model == "middle"


def test_what_is_here_or_has_arrived_already_needs_no_more_room() -> None:
    full = machine(disk=GIB)
    arrived = replace(MIDDLE, arrived=MIDDLE.file.bytes - 100 * MIB)
    assert select([SMALL, arrived], full, CHAT).model == "middle"
    assert select([SMALL, replace(MIDDLE, installed="middle")], machine(disk=0), CHAT).model == "middle"


def test_a_disk_of_which_nothing_is_known_is_not_held_against_a_file() -> None:
    assert select([MIDDLE], machine(disk=None), CHAT).model == "middle"
