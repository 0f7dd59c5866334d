"""The lives of the daemon, and what is concluded from how they end. Pure: no clock, no files.

A life is clean when it was ended on purpose, and long when it has lasted for `Rules.settling`. Lives that are neither
are counted as long as they follow each other; each `Rules.limit` of them lead one level up. The way down is one level
at a time, after `Rules.patience` of service, and is a trial: whoever falls in it is back at once and has to wait twice
as long for the next one. So a level is reached whatever crashes, and left whatever has crashed.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import replace

Level: TypeAlias = Literal[0, 1, 2]
"""0: everything runs; 1: only the smallest model that has ever served here; 2: no model, only the pages."""

Ending: TypeAlias = Literal["power", "killed", "signal", "exception"]
LAST_MOMENT = 4e9
"""Seconds since 1970, beyond which no clock is believed: in 2096."""

# What cannot be is not read: nothing that is in a damaged file may last for ever.
_Moment = Annotated[float, Meta(ge=0, le=LAST_MOMENT)]
_Seconds = Annotated[float, Meta(ge=0, le=86_400)]
_TOP = 2
_KEPT = 5  # crashes that are remembered
_LONGEST = 300  # characters of what is known about one


@dataclass(frozen=True, slots=True)
class Rules:
    """How patient the device is with itself.

    Attributes:
        limit: lives in a row that may end too soon; 0: as many as will.
        settling: seconds after which a start counts as a success, and a trial too.
        patience: seconds of service until a better level is tried for the first time.
        longest: and at most, after trials that failed.
    """

    limit: int = 3
    settling: float = 600.0
    patience: float = 3600.0
    longest: float = 8 * 3600.0


class Crash(msgspec.Struct, frozen=True, omit_defaults=True):
    """The end of a life that nobody had asked for.

    Attributes:
        ending: `power`, when the computer was started anew since; `killed` without a word; `signal`; `exception`.
        what: the signal or the kind of exception, and where in the program; nothing that people have written.
        begun: when that life began, in seconds since 1970 as the computer believed.
        version: of Edgewise that has crashed.
    """

    ending: Ending
    what: str = ""
    begun: _Moment = 0.0
    version: str = ""


class Lives(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known at one moment.

    Attributes:
        level: of safe mode.
        floor: the level that somebody has asked for; it is not left without being told to.
        unclean: lives in a row that ended too soon.
        running: whether a life goes on, or has ended without saying so.
        settled: whether that life has lasted long enough.
        trying: whether this level is on trial, and the one above is where a crash leads.
        boot: names the run of the kernel that this life began in.
        begun: when, in seconds since 1970 as the computer believed.
        version: of Edgewise.
        since: when this level was entered, likewise.
        calm: seconds of service on this level.
        patience: seconds that it takes until a better one is tried; 0: as the rules say.
        crashes: the latest, oldest first.
    """

    level: Level = 0
    floor: Level = 0
    unclean: Annotated[int, Meta(ge=0)] = 0
    running: bool = False
    settled: bool = False
    trying: bool = False
    boot: str = ""
    begun: _Moment = 0.0
    version: str = ""
    since: _Moment = 0.0
    calm: _Seconds = 0.0
    patience: _Seconds = 0.0
    crashes: tuple[Crash, ...] = ()


@dataclass(frozen=True, slots=True)
class Birth:
    """The beginning of a life: in which run of the kernel, when, which version."""

    boot: str
    at: float
    version: str


def begin(lives: Lives, birth: Birth, rules: Rules, last_words: tuple[Ending, str] | None = None) -> Lives:
    """Conclude how the last life has ended, and begin another.

    Args:
        lives: as they were found.
        birth: of the new life.
        rules: that hold.
        last_words: what the last life could still say of its end.
    """
    if lives.running:
        lives = _crashed(lives, birth, rules, last_words)
    return replace(lives, running=True, settled=False, boot=birth.boot, begun=birth.at, version=birth.version)


def end(lives: Lives) -> Lives:
    """End a life on purpose."""
    return replace(lives, running=False, unclean=0)


def undo(lives: Lives) -> Lives:
    """End a life that could not begin for a reason that people were told; it counts neither way."""
    return replace(lives, running=False)


def settle(lives: Lives) -> Lives:
    """Note that a life, or the trial of a level, has lasted long enough."""
    return replace(lives, settled=True, trying=False, unclean=0)


def serve(lives: Lives, seconds: float, now: float, rules: Rules) -> Lives:
    """Add seconds of service; a better level is tried after enough of them.

    Args:
        lives: of which one goes on.
        seconds: since the last time.
        now: seconds since 1970 as the computer believes.
        rules: that hold.
    """
    lives = replace(lives, calm=lives.calm + seconds)
    if lives.calm < (lives.patience or rules.patience):
        return lives
    if lives.level > lives.floor:
        return replace(lives, level=_level(lives.level - 1), trying=True, settled=False, calm=0.0, since=now)
    return replace(lives, calm=0.0, patience=0.0)  # what failed once is long ago


def enter(lives: Lives, level: Level, now: float) -> Lives:
    """Go to a level because somebody wants that, and stay there until somebody wants something else."""
    since = lives.since if lives.level == level else now
    return replace(lives, level=level, floor=level, trying=False, unclean=0, calm=0.0, patience=0.0, since=since)


def leave(lives: Lives, now: float) -> Lives:
    """Try again with everything, because somebody wants that."""
    if not lives.level:
        return replace(lives, floor=0)
    return replace(lives, level=0, floor=0, trying=True, settled=False, unclean=0, calm=0.0, patience=0.0, since=now)


def _crashed(lives: Lives, birth: Birth, rules: Rules, last_words: tuple[Ending, str] | None) -> Lives:
    same_boot = lives.boot == birth.boot
    ending, what = last_words or ("killed" if same_boot else "power", "")
    crash = Crash(ending, what[:_LONGEST], lives.begun, lives.version)
    lives = replace(lives, crashes=(*lives.crashes, crash)[-_KEPT:])
    if not rules.limit:
        return replace(lives, unclean=0)
    if lives.trying:
        longer = min(2 * (lives.patience or rules.patience), rules.longest)
        return replace(_up(lives, birth.at), patience=longer)
    unclean = 0 if lives.settled else lives.unclean + 1
    return _up(lives, birth.at) if unclean >= rules.limit else replace(lives, unclean=unclean)


def _up(lives: Lives, now: float) -> Lives:
    level = _level(min(lives.level + 1, _TOP))
    return replace(lives, level=level, trying=False, unclean=0, calm=0.0, since=now)


def _level(number: int) -> Level:
    return 2 if number >= _TOP else 1 if number == 1 else 0
