"""The answers in progress."""

import asyncio

import pytest

from agent.errors import EngineDiedError, QueueFullError
from agent.inference import frames
from agent.inference.answer import Answer
from agent.inference.pending import Pending, share

TIMINGS = frames.Timings(prompt=8, cached=0, completion=5, queued=0.0, prefill=0.1, decode=0.2)


def begin(pending: Pending, number: int, who: str = "") -> Answer:
    answer = Answer(number, lambda _: None)
    pending.add(answer, who)
    return answer


def finished(number: int) -> frames.Finished:
    return frames.Finished(number, "stop", "", TIMINGS)


def refused(number: int) -> frames.Failed:
    return frames.Failed(number, "RequestError", "The prompt is empty.", "", "prompt")


def test_an_answer_that_had_the_engine_alone_says_what_it_took() -> None:
    pending = Pending()
    begin(pending, 1)
    assert pending.dispatch(frames.Delta(1, "a", 1)) is None
    assert pending.dispatch(finished(1)) == TIMINGS
    begin(pending, 2)
    assert pending.dispatch(finished(2)) == TIMINGS


def test_answers_that_shared_the_engine_for_a_moment_say_nothing_about_its_speed() -> None:
    pending = Pending()
    begin(pending, 1)
    begin(pending, 2)
    assert pending.dispatch(finished(2)) is None
    assert pending.dispatch(finished(1)) is None
    begin(pending, 3)
    assert pending.dispatch(finished(3)) == TIMINGS


def test_a_refused_request_says_nothing_about_the_speed() -> None:
    pending = Pending()
    begin(pending, 1)
    assert pending.dispatch(refused(1)) is None


def test_an_event_for_nobody_is_ignored() -> None:
    pending = Pending()
    begin(pending, 1)
    assert pending.dispatch(finished(7)) is None
    assert len(pending) == 1


def test_those_who_wait_have_a_place_until_they_are_begun() -> None:
    pending = Pending()
    for number in (1, 2, 3):
        begin(pending, number)
    places = [pending.place(number, 1) for number in (1, 2, 3)]
    assert [place.position for place in places if place] == [1, 2, 3]
    assert [place.seconds for place in places if place] == [10.0, 20.0, 30.0]
    pending.dispatch(frames.Started(1, 8, 0))
    assert pending.place(1, 1) is None
    assert pending.waiting == 2
    later = pending.place(3, 2)
    assert later is not None
    assert (later.position, later.seconds) == (2, 10.0)


def test_those_who_give_up_leave_their_place() -> None:
    pending = Pending()
    begin(pending, 1)
    begin(pending, 2)
    pending.dispatch(frames.Finished(1, "cancelled", "", TIMINGS))
    place = pending.place(2, 1)
    assert place is not None
    assert place.position == 1


def test_tokens_of_all_answers_are_counted() -> None:
    pending = Pending()
    begin(pending, 1)
    begin(pending, 2)
    pending.dispatch(frames.Delta(1, "a", 1))
    pending.dispatch(frames.Delta(2, "bc", 3))
    assert pending.tokens == 4


def test_one_too_many_is_told_when_a_place_is_likely() -> None:
    pending = Pending()
    for number in range(4):
        pending.require_room(2, 2)
        begin(pending, number)
    with pytest.raises(QueueFullError, match="4 requests") as caught:
        pending.require_room(2, 2)
    assert caught.value.retry_after == 20  # ten seconds each, until one was measured, and two rounds


@pytest.mark.parametrize(("queue", "places"), [(0, 0), (2, 2), (6, 4), (8, 4), (32, 16)])
def test_a_share_is_half_of_the_queue_and_four_places_if_there_are(queue: int, places: int) -> None:
    assert share(queue) == places


def test_nobody_holds_more_than_a_share_of_the_queue_and_others_get_in() -> None:
    pending = Pending()
    for number in range(6):
        pending.require_room(2, 8, "a")
        begin(pending, number, "a")
    with pytest.raises(QueueFullError, match="4 of your requests") as caught:
        pending.require_room(2, 8, "a")
    assert caught.value.retry_after == 30
    pending.require_room(2, 8, "b")
    pending.require_room(2, 8)
    pending.dispatch(frames.Started(0, 8, 0))
    pending.dispatch(frames.Started(1, 8, 0))
    with pytest.raises(QueueFullError):
        pending.require_room(2, 8, "a")
    pending.dispatch(finished(0))
    pending.dispatch(frames.Started(2, 8, 0))
    pending.require_room(2, 8, "a")


def test_who_is_being_answered_holds_no_place_of_the_queue() -> None:
    pending = Pending()
    for number in range(20):
        pending.require_room(20, 8, "a")
        begin(pending, number, "a")
        pending.dispatch(frames.Started(number, 8, 0))
    for number in range(20, 24):
        pending.require_room(20, 8, "a")
        begin(pending, number, "a")
    with pytest.raises(QueueFullError, match="your share"):
        pending.require_room(20, 8, "a")


def test_refused_requests_do_not_make_the_wait_look_short() -> None:
    pending = Pending()
    for number in range(50):
        begin(pending, number)
        pending.dispatch(refused(number))
    begin(pending, 51)
    with pytest.raises(QueueFullError) as caught:
        pending.require_room(1, 0)
    assert caught.value.retry_after == 10


def test_the_moment_in_which_nobody_is_answered_is_not_missed() -> None:
    async def scenario() -> None:
        pending = Pending()
        await asyncio.wait_for(pending.none_left(), 1)
        begin(pending, 1)
        begin(pending, 2)
        waiting = asyncio.create_task(pending.none_left())
        pending.dispatch(finished(1))
        await asyncio.sleep(0)
        assert not waiting.done()
        pending.dispatch(finished(2))
        await asyncio.wait_for(waiting, 1)

    asyncio.run(scenario())


def test_a_moment_that_is_over_already_is_waited_for_again() -> None:
    async def scenario() -> None:
        pending = Pending()
        begin(pending, 1)
        waiting = asyncio.create_task(pending.none_left())
        await asyncio.sleep(0)
        pending.dispatch(finished(1))
        begin(pending, 2)
        await asyncio.sleep(0.01)
        assert not waiting.done()
        pending.dispatch(refused(2))
        await asyncio.wait_for(waiting, 1)

    asyncio.run(scenario())


def test_a_death_ends_all_answers() -> None:
    async def scenario() -> None:
        pending = Pending()
        answers = [begin(pending, number) for number in range(2)]
        pending.fail(EngineDiedError("It died."))
        for answer in answers:
            with pytest.raises(EngineDiedError):
                await answer.events()
        await asyncio.wait_for(pending.none_left(), 1)
        assert len(pending) == 0

    asyncio.run(scenario())
