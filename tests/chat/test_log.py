"""The event log of an answer."""

import asyncio

from agent.chat.events import Block, Delta, Done, Phase, Think
from agent.chat.log import EventLog


def test_text_is_gathered_for_a_moment() -> None:
    async def scenario() -> None:
        log = EventLog()
        for letter in "hello":
            log.append(Delta(letter))
        assert log.last == 0
        await asyncio.sleep(0.1)
        assert log.since(0) == [Delta("hello")]

    asyncio.run(scenario())


def test_other_events_end_the_gathering_and_keep_the_order() -> None:
    async def scenario() -> None:
        log = EventLog()
        for event in (Think("a"), Think("b"), Delta("c"), Block("<p>c</p>"), Delta("d"), Done("complete")):
            log.append(event)
        assert log.since(0) == [Think("ab"), Delta("c"), Block("<p>c</p>"), Delta("d"), Done("complete")]

    asyncio.run(scenario())


def test_viewers_are_woken() -> None:
    async def scenario() -> None:
        log, wake = EventLog(), asyncio.Event()
        log.watchers.add(wake)
        log.append(Phase("reading"))
        assert wake.is_set()

    asyncio.run(scenario())


def test_a_number_that_was_never_given_is_nowhere() -> None:
    async def scenario() -> None:
        log = EventLog()
        log.append(Phase("reading"))
        assert log.since(1) == []
        assert log.since(2) is None
        assert log.since(-1) is None

    asyncio.run(scenario())


def test_only_so_much_is_kept_and_the_numbers_go_on() -> None:
    async def scenario() -> None:
        log = EventLog()
        for _ in range(40):
            log.append(Block("x" * 50_000))
        assert log.last == 40
        assert log.since(0) is None
        assert log.since(39) == [Block("x" * 50_000)]

    asyncio.run(scenario())
