import time

from agent.chat.records import Conversation
from web.chat.sidebar import grouped, position

NOON = time.mktime((2026, 11, 18, 12, 0, 0, 0, 0, -1))
HOUR, DAY = 3600.0, 86_400.0


def row(age: float, *, pinned: bool = False) -> Conversation:
    return Conversation("id", "user", "title", created=0, updated=NOON - age, pinned=pinned)


def headings(*rows: Conversation) -> list[tuple[str, int]]:
    return [(heading, len(group)) for heading, group in grouped(list(rows), NOON)]


def test_days_begin_at_midnight() -> None:
    assert headings(row(11 * HOUR), row(13 * HOUR)) == [("today", 1), ("yesterday", 1)]


def test_what_is_pinned_has_a_heading_of_its_own_whatever_its_age() -> None:
    assert headings(row(90 * DAY, pinned=True), row(0)) == [("pinned", 1), ("today", 1)]


def test_a_week_and_everything_before_it() -> None:
    assert headings(row(2 * DAY), row(7 * DAY), row(8 * DAY), row(80 * DAY)) == [("week", 2), ("older", 2)]


def test_a_heading_is_not_repeated_where_the_list_goes_on() -> None:
    after = (False, NOON - 9 * DAY, "id")
    assert [heading for heading, _ in grouped([row(10 * DAY), row(11 * DAY)], NOON, after)] == [""]


def test_a_conversation_from_the_future_is_of_today() -> None:
    assert headings(row(-3 * DAY)) == [("today", 1)]


def test_a_place_that_was_tampered_with_is_none() -> None:
    assert position("1_12.5_abc") == (True, 12.5, "abc")
    assert position("x_y") is None
    assert position("") is None
