"""What safe mode says about itself."""

from agent.phrase import Phrase
from agent.safe_mode.lives import Crash, Lives

_MINUTE = 60


def reason(lives: Lives) -> str:
    """Return what has happened, and what it means; empty on the level on which everything runs."""
    if not lives.level:
        return ""
    if lives.floor == lives.level or not lives.crashes:
        return _WANTED[lives.level]
    return _crashed(lives.level, how(lives.crashes[-1]))


def way_out(lives: Lives, patience: float) -> str:
    """Return what ends it. `patience`: seconds of service until the next try."""
    if lives.floor == lives.level:
        return Phrase(
            "safe_mode.until_left",
            "It lasts until somebody ends it: on the page of the device, or with `edgewise safe-mode leave`.",
        )
    return Phrase(
        "safe_mode.until_calm",
        "After {minutes} minutes of calm more is tried; at once on the page of the device, or with"
        " `edgewise safe-mode leave`.",
        minutes=round((lives.patience or patience) / _MINUTE),
    )


def how(crash: Crash) -> str:
    """Return how a life has ended."""
    if crash.ending == "power":
        return Phrase("safe_mode.power", "the power went, or the whole computer crashed")
    if crash.ending == "killed":
        return Phrase("safe_mode.killed", "something killed it, such as the kernel for lack of memory")
    return crash.what


def died_often(name: str, deaths: int, minutes: int, how: str) -> str:
    """Return why a model does not run whose engine has died too often."""
    return Phrase(
        "safe_mode.died_often",
        "The engine died {deaths} times within {minutes} minutes while {name} served; last it {how}.",
        name=name,
        deaths=deaths,
        minutes=minutes,
        how=how,
    )


def tried_again(minutes: int) -> str:
    """Return when a model gets another chance."""
    return Phrase(
        "safe_mode.tried_again",
        "It is tried again after {minutes} minutes of calm; at once on the page of the device, or with"
        " `edgewise safe-mode leave`.",
        minutes=minutes,
    )


_WANTED = {
    1: Phrase("safe_mode.wanted_small", "Safe mode, because somebody wants it: only the smallest model runs."),
    2: Phrase(
        "safe_mode.wanted_none",
        "Safe mode, because somebody wants it: no model runs, and nothing is reported or announced.",
    ),
}


def _crashed(level: int, last: str) -> str:
    if level == 1:
        return Phrase(
            "safe_mode.crashed_small",
            "Edgewise crashed again and again, so only the smallest model runs. The last time: {last}.",
            last=last,
        )
    return Phrase(
        "safe_mode.crashed_none",
        "Edgewise crashed again and again, so no model runs, and nothing is reported or announced. The last time:"
        " {last}.",
        last=last,
    )
