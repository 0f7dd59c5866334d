"""Which models go: as few as needed, the least recently used ones, and never one that is needed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.upkeep.quota import GIB, Held, Needed, Room, missing, next_to_go, to_remove

REASONS: tuple[Needed, ...] = ("running", "next", "wanted", "before", "starter", "alone")

models = st.lists(
    st.builds(
        Held,
        name=st.uuids().map(str),
        bytes=st.integers(1, 20 * GIB),
        needed=st.one_of(st.just(""), st.just(""), st.sampled_from(REASONS)),
    ),
    max_size=12,
)
rooms = st.builds(
    Room,
    free=st.integers(0, 100 * GIB),
    total=st.integers(4 * GIB, 500 * GIB),
    quota=st.one_of(st.just(0), st.integers(1, 100 * GIB)),
    incoming=st.one_of(st.just(0), st.integers(1, 20 * GIB)),
)


def after(room: Room, gone: list[Held]) -> Room:
    return Room(room.free + sum(model.bytes for model in gone), room.total, room.quota, room.incoming)


@settings(max_examples=50)
@given(models, rooms)
def test_what_is_needed_never_goes(held: list[Held], room: Room) -> None:
    assert not [model for model in to_remove(held, room) if model.needed]


@settings(max_examples=50)
@given(models, rooms)
def test_the_least_recently_used_go_first(held: list[Held], room: Room) -> None:
    gone = to_remove(held, room)
    free = [model for model in held if not model.needed]
    assert gone == free[: len(gone)]
    assert not gone or next_to_go(held) == gone[0].name


@settings(max_examples=50)
@given(models, rooms)
def test_no_more_go_than_have_to(held: list[Held], room: Room) -> None:
    gone = to_remove(held, room)
    if gone:
        left = [model for model in held if model not in gone[:-1]]
        assert missing(left, after(room, gone[:-1])) > 0
    if not missing(held, room):
        assert not gone


@settings(max_examples=50)
@given(models, rooms)
def test_for_one_that_comes_either_there_is_room_or_nothing_goes(held: list[Held], room: Room) -> None:
    gone = to_remove(held, room)
    left = [model for model in held if model not in gone]
    if room.incoming and gone:
        assert missing(left, after(room, gone)) == 0


@settings(max_examples=50)
@given(models, rooms)
def test_on_schedule_all_goes_that_helps(held: list[Held], room: Room) -> None:
    room = Room(room.free, room.total, room.quota)
    left = [model for model in held if model not in to_remove(held, room)]
    gone = to_remove(held, room)
    assert missing(left, after(room, gone)) == 0 or all(model.needed for model in left)


@settings(max_examples=50)
@given(models, rooms)
def test_more_room_never_costs_more_models(held: list[Held], room: Room) -> None:
    larger = Room(room.free + GIB, room.total, room.quota, room.incoming)
    if not room.incoming:
        assert len(to_remove(held, larger)) <= len(to_remove(held, room))


@given(st.integers(0, 1 << 50))
def test_the_reserve_is_a_sensible_share_of_any_disk(total: int) -> None:
    reserve = Room(0, total).reserve
    assert reserve <= max(total // 4, 0)
    assert reserve <= 10 * GIB
    assert reserve >= min(GIB, total // 4)


def test_a_model_goes_for_one_that_does_not_fit() -> None:
    held = [
        Held("old", 4 * GIB),
        Held("wanted", 4 * GIB, "wanted"),
        Held("newer", 4 * GIB),
        Held("runs", GIB, "running"),
    ]
    small = Room(free=3 * GIB, total=32 * GIB, incoming=4 * GIB)
    assert [model.name for model in to_remove(held, small)] == ["old"]
    assert to_remove(held, Room(free=9 * GIB, total=32 * GIB, incoming=4 * GIB)) == []
    assert to_remove(held, Room(free=3 * GIB, total=32 * GIB, incoming=40 * GIB)) == []
    quota = Room(free=300 * GIB, total=500 * GIB, quota=10 * GIB)
    assert [model.name for model in to_remove(held, quota)] == ["old"]
    assert next_to_go(held) == "old"
