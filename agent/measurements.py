"""What was learnt about this machine: how fast its kernels are, and how models did in real use. One JSON file."""

import logging
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.durable import write_atomically
from agent.kept import read_kept
from agent.speed import Prediction, Rates

logger = logging.getLogger(__name__)

_LEAST_PROMPT = 64  # tokens; the speed of reading fewer says little
_LEAST_ANSWER = 16
_KEPT_RATES = 4
_KEPT_RUNS = 200  # of files, builds and plans
_NEWS = 0.2  # weight of one more answer in the running average


Natural = Annotated[int, Meta(ge=0)]
Speed = Annotated[float, Meta(ge=0)]


class Run(msgspec.Struct, frozen=True):
    """A model in real use: running averages in tokens per second over `count` answers.

    A speed is 0 until there was an answer that says something about it.
    """

    decode: Speed
    prefill: Speed
    count: Natural


class _Learnt(msgspec.Struct):
    rates: dict[str, msgspec.Raw] = {}  # read when asked for: one of an older version is no reason to lose the rest
    runs: dict[str, Run] = {}


class Measurements:
    """Reads what is known at once; writes it rarely, since flash memory wears."""

    def __init__(self, path: Path) -> None:
        self._path = path
        words = "The measurements in %s cannot be read and start anew: %s"
        self._learnt = read_kept(path, _Learnt, _Learnt, logger, words)

    def rates(self, key: str) -> Rates | None:
        """Return what the kernels were measured to do; the key names processor, threads and build."""
        raw = self._learnt.rates.get(key)
        try:
            return msgspec.json.decode(raw, type=Rates) if raw else None
        except msgspec.MsgspecError as error:
            logger.info("An earlier measurement cannot be used and is made again: %s", error)
            return None

    def keep_rates(self, key: str, rates: Rates) -> None:
        """Remember a measurement; of those for other builds and other numbers of threads the latest few."""
        others = {known: value for known, value in self._learnt.rates.items() if known != key}
        latest = list(others.items())[-(_KEPT_RATES - 1) :]
        self._learnt.rates = {**dict(latest), key: msgspec.Raw(msgspec.json.encode(rates))}
        self._save()

    def speed(self, key: str) -> Prediction | None:
        """Return how fast a model was in real use, 0 for what is not known; the key names file, build and plan."""
        run = self._learnt.runs.get(key)
        return Prediction(run.prefill, run.decode) if run and (run.decode or run.prefill) else None

    def ran(self, model: str) -> bool:
        """Tell whether a model has ever answered; it is known by what keys begin with."""
        return any(key.startswith(f"{model} ") for key in self._learnt.runs)

    def add(self, key: str, *, prompt: int, prefill: float, answer: int, decode: float) -> None:
        """Learn from one answer that had the machine to itself.

        Args:
            key: names file, build and plan.
            prompt: tokens that were read, without those from the cache.
            prefill: seconds for them.
            answer: tokens after the first.
            decode: seconds for them.
        """
        known = self._learnt.runs.pop(key, Run(0.0, 0.0, 0))
        for oldest in list(self._learnt.runs)[: 1 - _KEPT_RUNS]:
            del self._learnt.runs[oldest]
        run = msgspec.structs.replace(
            known,
            prefill=_average(known.prefill, prompt, prefill, _LEAST_PROMPT),
            decode=_average(known.decode, answer, decode, _LEAST_ANSWER),
            count=known.count + 1,
        )
        self._learnt.runs[key] = run
        if run.count & (run.count - 1) == 0:  # the first, second, fourth, …: ever more rarely
            self._save()

    def _save(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, msgspec.json.format(msgspec.json.encode(self._learnt)))
        except OSError as error:  # what was learnt stays in memory
            logger.warning("The measurements in %s cannot be written: %s", self._path, error)


def _average(known: float, tokens: int, seconds: float, least: int) -> float:
    """Return the running average of a speed; few tokens leave it as it is."""
    if tokens < least or seconds <= 0:
        return known
    speed = tokens / seconds
    return speed if not known else known + _NEWS * (speed - known)
