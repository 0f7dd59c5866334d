"""When the engine process says what."""

from agent.inference.frames import Delta, Event, Events, Prefill
from agent.inference.outgoing import Outgoing

A, B, C = (Delta(1, text, 1, None) for text in "abc")


class Line:
    """Takes frames, and has a clock that is set by hand."""

    def __init__(self) -> None:
        self.sent: list[list[Event]] = []
        self.now = 100.0
        self.outgoing = Outgoing(self._take, lambda: self.now)

    def _take(self, frame: Events) -> None:
        self.sent.append(frame.events)

    def step(self, seconds: float, *events: Event) -> None:
        """Let a step of the engine take so long and bring so much."""
        self.now += seconds
        self.outgoing.add(events)
        self.outgoing.flush_due()


def test_tokens_that_come_quickly_go_together_sixty_times_a_second() -> None:
    line = Line()
    for _ in range(1000):
        line.step(0.001, A)
    assert 58 <= len(line.sent) <= 61
    assert sum(map(len, line.sent)) + 20 > 1000


def test_every_token_of_a_slow_engine_goes_at_once() -> None:
    line = Line()
    for event in (A, B, C):
        line.step(0.02, event)
    assert line.sent == [[A], [B], [C]]


def test_what_is_not_text_takes_the_waiting_text_along_in_order() -> None:
    line = Line()
    line.step(1.0, A)
    line.step(0.001, B)
    assert line.sent == [[A]]
    line.step(0.001, Prefill(2, 10), C)
    assert line.sent == [[A], [B, Prefill(2, 10), C]]


def test_text_waits_no_longer_than_it_is_told() -> None:
    line = Line()
    line.step(1.0, A)
    line.step(0.001, B)
    line.outgoing.flush()
    assert line.sent == [[A], [B]]


def test_nothing_is_said_when_there_is_nothing_to_say() -> None:
    line = Line()
    line.step(1.0)
    line.outgoing.flush()
    assert line.sent == []
