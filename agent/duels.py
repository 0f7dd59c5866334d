"""Duels: two files of one model, run in turns on this device, and which of them is faster. One JSON file.

A result holds for the two files, the two builds of the engines and the number of threads; of anything else nothing is
known, and another duel can be run.
"""

import logging
import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.durable import write_atomically
from agent.kept import read_kept

logger = logging.getLogger(__name__)

EQUAL = 1.03  # what nobody notices
_KEPT = 50
# Student's t for 95 % by degrees of freedom, from 1 on; more rounds than these gain little.
_STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)

Speed = Annotated[float, Meta(gt=0)]


class Side(msgspec.Struct, frozen=True):
    """One of the two. Speeds in tokens per second, medians of the rounds.

    Attributes:
        name: of the installed model.
        model: what the file is known by.
        engine: that runs it.
        build: of the engine.
        provider: execution provider.
        prefill: reading a prompt, alone.
        decode: writing an answer, alone.
        together: writing several answers at once, all of them, their short prompts included.
    """

    name: str
    model: str
    engine: str
    build: str
    provider: str
    prefill: Speed
    decode: Speed
    together: Speed

    @property
    def key(self) -> str:
        """What has run."""
        return f"{self.model} · {self.build} · {self.provider}"


class Duel(msgspec.Struct, frozen=True):
    """What a duel has found. `ratio` is the time of the second over that of the first; `low` to `high` hold 95 %.

    Attributes:
        taken: UTC, ISO 8601.
        threads: compute threads.
        parallel: answers at once.
        rounds: of each side.
        first: one side.
        second: the other.
        ratio: geometric mean over the rounds, over questions alone and together.
        low: lower end of the confidence interval.
        high: upper end.
    """

    taken: str
    threads: int
    parallel: int
    rounds: int
    first: Side
    second: Side
    ratio: Speed
    low: Speed
    high: Speed

    @property
    def equal(self) -> bool:
        """Whether no difference is certain, or none that anybody would notice."""
        return self.low <= 1.0 <= self.high or 1 / EQUAL <= self.low <= self.high <= EQUAL

    @property
    def winner(self) -> Side | None:
        """The faster one; None when they are equal."""
        if self.equal:
            return None
        return self.first if self.ratio > 1 else self.second

    @property
    def key(self) -> tuple[str, ...]:
        """What the result holds for."""
        return (*sorted((self.first.key, self.second.key)), str(self.threads))


class Duels:
    """What is kept; read whenever it is asked for, since another process may have written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Duel]:
        """Return all results, oldest first."""
        return read_kept(self._path, list[Duel], list, logger, "The duels in %s cannot be read and start anew: %s")

    def keep(self, duel: Duel) -> None:
        """Remember a result in place of an earlier one between the same."""
        others = [known for known in self.all() if known.key != duel.key]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.json.format(msgspec.json.encode([*others, duel][-_KEPT:])))
        except OSError as error:
            logger.warning("The duels in %s cannot be written: %s", self._path, error)

    def version(self) -> str:
        """Return what changes when a result is added."""
        try:
            return f"duels {self._path.stat().st_mtime_ns}"
        except OSError:
            return "duels"


def interval(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios of paired rounds, and its confidence interval of 95 % (Student's t).

    What disturbs one round disturbs both sides of it, and drops out of their ratio.
    """
    logarithms = [math.log(ratio) for ratio in ratios]
    mean = statistics.fmean(logarithms)
    if len(logarithms) < 2:  # noqa: PLR2004 - one value says nothing about its spread
        return math.exp(mean), 1e-9, 1e9
    student = _STUDENT[min(len(logarithms) - 2, len(_STUDENT) - 1)]
    margin = student * statistics.stdev(logarithms) / math.sqrt(len(logarithms))
    return math.exp(mean), math.exp(mean - margin), math.exp(mean + margin)
