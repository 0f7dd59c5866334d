"""Which level the lives of a daemon lead to, however they end."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.safe_mode.lives import Birth, Level, Lives, Rules, begin, end, enter, leave, serve, settle, undo

RULES = Rules(limit=3, settling=10.0, patience=60.0, longest=480.0)
STEP = 5.0  # seconds

Ending: TypeAlias = Literal["stop", "kill", "power"]


@dataclass
class Computer:
    """A daemon on a computer, whose clock shows what it wants."""

    lives: Lives = field(default_factory=Lives)
    boot: int = 0
    levels: list[Level] = field(default_factory=list)

    def live(self, seconds: float, ending: Ending, wall: float = 0.0) -> None:
        """Begin a life, let it last, and end it."""
        self.lives = begin(self.lives, Birth(str(self.boot), wall, "1"), RULES)
        self.levels.append(self.lives.level)
        self.last(seconds, wall)
        if ending == "stop":
            self.lives = end(self.lives)
        elif ending == "power":
            self.boot += 1

    def last(self, seconds: float, wall: float = 0.0) -> None:
        """Let a life go on."""
        since, now = 0.0, 0.0
        while now < seconds:
            now += STEP
            if not self.lives.settled and now - since >= RULES.settling:
                self.lives = settle(self.lives)
            before, self.lives = self.lives.level, serve(self.lives, STEP, wall, RULES)
            since = now if self.lives.level != before else since

    def start(self) -> Level:
        """Begin a life and return its level."""
        self.live(0, "kill")
        return self.levels[-1]


@pytest.mark.parametrize("ending", ["kill", "power"])
def test_three_short_lives_in_a_row_lead_one_level_up_and_six_two(ending: Ending) -> None:
    computer = Computer()
    for _ in range(8):
        computer.live(STEP, ending)
    assert computer.levels == [0, 0, 0, 1, 1, 1, 2, 2]


def test_a_life_that_lasted_or_was_ended_on_purpose_begins_the_count_anew() -> None:
    computer = Computer()
    for seconds, ending in [(0, "kill"), (0, "kill"), (15, "kill"), (0, "kill"), (0, "kill"), (0, "stop"), (0, "kill")]:
        computer.live(seconds, ending)  # type: ignore[arg-type]  # the literals are right
    assert computer.start() == 0


def test_what_people_were_told_counts_neither_way() -> None:
    lives = Lives(unclean=2)
    for _ in range(5):
        lives = undo(begin(lives, Birth("a", 0.0, "1"), RULES))
    assert (lives.level, lives.unclean) == (0, 2)


def test_how_a_life_has_ended_is_told_by_its_last_words_or_by_another_boot() -> None:
    lives = begin(Lives(), Birth("a", 1.0, "1"), RULES)
    lives = begin(lives, Birth("a", 2.0, "1"), RULES)
    lives = begin(lives, Birth("b", 3.0, "2"), RULES)
    lives = begin(lives, Birth("b", 4.0, "2"), RULES, ("signal", "Aborted"))
    assert [(crash.ending, crash.what, crash.begun, crash.version) for crash in lives.crashes] == [
        ("killed", "", 1.0, "1"),
        ("power", "", 2.0, "1"),
        ("signal", "Aborted", 3.0, "2"),
    ]


def test_calm_leads_down_one_level_at_a_time() -> None:
    computer = Computer(Lives(level=2))
    computer.live(RULES.patience, "stop")
    assert (computer.lives.level, computer.lives.trying) == (1, True)
    computer.live(RULES.patience, "stop")
    assert computer.lives.level == 0
    computer.live(RULES.settling, "stop")
    assert not computer.lives.trying


def test_calm_is_added_up_over_lives_as_of_a_device_that_is_unplugged_each_night() -> None:
    computer = Computer(Lives(level=1))
    for _ in range(4):
        computer.live(RULES.patience / 4, "power")
    assert computer.lives.level == 0


def test_who_falls_in_a_trial_is_back_at_once_and_waits_twice_as_long_each_time() -> None:
    computer = Computer(Lives(level=1))
    waits = []
    for _ in range(5):
        waits.append(computer.lives.patience or RULES.patience)
        computer.live(waits[-1], "kill")  # in the first moment of the trial
        assert computer.start() == 1
        computer.lives = end(computer.lives)
    assert waits == [60.0, 120.0, 240.0, 480.0, 480.0]


def test_the_patience_of_the_first_time_is_back_after_a_long_calm() -> None:
    computer = Computer(Lives(level=0, patience=240.0))
    computer.live(240.0, "stop")
    assert computer.lives.patience == 0


def test_what_somebody_wants_lasts_until_somebody_wants_something_else() -> None:
    computer = Computer(enter(Lives(), 2, 0.0))
    computer.live(100 * RULES.patience, "stop")
    assert computer.lives.level == 2
    computer.lives = leave(computer.lives, 0.0)
    assert (computer.lives.level, computer.lives.trying) == (0, True)


def test_crashes_lead_beyond_what_somebody_wants_and_calm_back_to_it() -> None:
    computer = Computer(enter(Lives(), 1, 0.0))
    for _ in range(4):
        computer.live(0, "kill")
    assert computer.levels[-1] == 2
    computer.live(10 * RULES.patience, "stop")
    assert computer.lives.level == 1


def test_a_limit_of_none_is_never_reached() -> None:
    lives = Lives()
    for _ in range(20):
        lives = begin(lives, Birth("a", 0.0, "1"), Rules(limit=0))
    assert (lives.level, len(lives.crashes)) == (0, 5)


LIFE = st.tuples(st.sampled_from([0.0, 5.0, 20.0, 100.0, 700.0]), st.sampled_from(["stop", "kill", "power"]))


@given(st.lists(LIFE, max_size=25), st.floats(0, 4e9))
def test_whatever_has_happened_six_crashes_lead_up_and_calm_leads_down(
    past: list[tuple[float, Ending]], wall: float
) -> None:
    computer = Computer()
    for seconds, ending in past:
        computer.live(seconds, ending, wall)
        assert 0 <= computer.lives.level <= 2
        assert not computer.lives.patience or RULES.patience <= computer.lives.patience <= RULES.longest
    again = Computer(computer.lives, computer.boot)
    for _ in range(2 * RULES.limit):
        again.live(0, "kill", 4e9 - wall)
    assert again.start() == 2
    calm = Computer(computer.lives, computer.boot)
    calm.live(3 * RULES.longest, "stop", 4e9 - wall)
    assert (calm.lives.level, calm.lives.trying) == (0, False)
