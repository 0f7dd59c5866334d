"""Where a template from a downloaded file runs: what it may compute, for how long, and in how much memory.

An alarm ends what runs too long, but Python sees to it only between two operations. Single operations that can take
minutes are refused, as far as they are known: arithmetic with huge numbers, long repetitions. For those that are not,
such as the comparison of two lists that hold the same list twice, thirty times over, a thread of C ends the process:
the daemon starts it again, and nobody waits for ever.
"""

import faulthandler
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from jinja2.filters import do_round
from jinja2.sandbox import ImmutableSandboxedEnvironment

LAST_RESORT = 10.0  # seconds; the alarm comes much earlier

_AGAIN = 0.1  # seconds; an alarm that goes off while Python collects garbage is lost
_MAX_REPEAT = 100_000
_MAX_BITS = 4096  # of numbers that are multiplied or divided: beyond, the time grows faster than their length
_MAX_DIGITS = 100
_ARITHMETIC = frozenset({"*", "/", "//", "%"})


class TooMuch(BaseException):
    """The template took too long or grew too large. Jinja swallows an `Exception` while it folds constants."""


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with a bound on what a single operation can make."""

    intercepted_binops = _ARITHMETIC | {"**"}

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of Jinja
        super().__init__(**options)
        self.filters["round"] = _round
        self.tests["divisibleby"] = _is_divisible
        self.globals["range"] = _range

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - any value
        """Refuse repetition, powers and formats that could fill the memory in one operation, and huge numbers."""
        sized = [value for value in (left, right) if isinstance(value, str | list | tuple)]
        if operator == "*" and sized and max(_count(left), _count(right)) > _MAX_REPEAT:
            raise TooMuch
        if operator == "**" or (operator == "%" and sized):
            raise TooMuch
        _require_small(left, right)
        return super().call_binop(context, operator, left, right)


@contextmanager
def limits(seconds: float, memory: int) -> Iterator[None]:
    """Bound the block in time and memory; only the main thread can, which is where the worker renders.

    Args:
        seconds: after which `TooMuch` is raised.
        memory: bytes that the process may take beyond what it has.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("chat templates are rendered in the main thread")

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise TooMuch

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, expire)
    faulthandler.dump_traceback_later(LAST_RESORT, exit=True, file=sys.__stderr__ or 2)
    resource.setrlimit(resource.RLIMIT_AS, (used + memory, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # also when the alarm has gone off in between
            signal.setitimer(signal.ITIMER_REAL, 0)
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
            faulthandler.cancel_dump_traceback_later()
            signal.signal(signal.SIGALRM, before)


def _count(value: object) -> int:
    if isinstance(value, int):
        return value
    return len(value) if isinstance(value, str | list | tuple) else 0


def _require_small(*values: object) -> None:
    if any(isinstance(value, int) and value.bit_length() > _MAX_BITS for value in values):
        raise TooMuch


def _range(*arguments: int) -> range:
    numbers = range(*arguments)
    if len(numbers) > _MAX_REPEAT:
        raise TooMuch
    return numbers


def _round(value: Any, precision: int = 0, method: Literal["common", "ceil", "floor"] = "common") -> Any:  # noqa: ANN401 - any number
    if abs(precision) > _MAX_DIGITS:
        raise TooMuch
    return do_round(value, precision, method)


def _is_divisible(value: int, number: int) -> bool:
    _require_small(value, number)
    return value % number == 0
