"""What was done during a soak, how long it took, what went wrong, and whether a fault of ours excuses it."""

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

_GRACE = 3.0  # seconds after a fault in which its consequences may still arrive
_LONGEST = 160  # characters of an error

# What may be seen of a fault, as beginnings of errors. Nothing else is excused, whatever happens at the time.
_EXCUSES = {
    "engine killed": ("503", "stream broke", "failed", "told "),
    "engine hangs": ("503", "429", "stream broke", "failed", "told "),
    "broker": ("no answer", "not sent"),
}


class FailedError(Exception):
    """Something did not go as it should; the message is the kind of error."""


@dataclass
class Step:
    """One thing that somebody did.

    Attributes:
        what: the kind, such as `chat`.
        began: by the monotonic clock; `ended` too.
        first: seconds to the first text; 0 where there was none.
        error: what went wrong; empty: nothing.
    """

    what: str
    began: float
    ended: float = 0.0
    first: float = 0.0
    error: str = ""

    def heard(self) -> None:
        """Note that the first text is there."""
        self.first = self.first or time.monotonic() - self.began


@dataclass
class Fault:
    """Something that was broken on purpose.

    Attributes:
        kind: of the table of excuses, or one that excuses nothing.
        ended: when all was well again.
        recovery: seconds from the end of the cause to the first success.
    """

    kind: str
    began: float
    ended: float = 0.0
    recovery: float = 0.0


@dataclass
class Book:
    """All steps and faults, and the gate through which every step goes."""

    steps: list[Step] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    running: Counter[str] = field(default_factory=Counter)

    @contextlib.asynccontextmanager
    async def doing(self, what: str) -> AsyncIterator[Step]:
        """Do something while the block runs, as soon as the gate is open; what it raises is written down."""
        await self.gate.wait()
        step = Step(what, time.monotonic())
        self.running[what] += 1
        try:
            yield step
        except FailedError as error:
            step.error = str(error)[:_LONGEST]
        except TimeoutError:
            step.error = "no answer in time"
        except Exception as error:  # noqa: BLE001 - one failure of whatever kind must not end an hour
            step.error = f"{type(error).__name__}: {error}"[:_LONGEST]
        finally:
            step.ended = time.monotonic()
            self.steps.append(step)
            self.running[what] -= 1

    @contextlib.contextmanager
    def breaking(self, kind: str) -> Iterator[Fault]:
        """Break something while the block runs, which ends when all is well again."""
        fault = Fault(kind, time.monotonic())
        self.faults.append(fault)
        self.running[kind] += 1
        try:
            yield fault
        except Exception as error:  # noqa: BLE001 - as above; what was broken may stay so, and that is seen
            failed = Step(f"fault: {kind}", fault.began, time.monotonic())
            failed.error = f"not over: {type(error).__name__} {error}"
            self.steps.append(failed)
        finally:
            fault.ended = time.monotonic()
            self.running[kind] -= 1

    @contextlib.asynccontextmanager
    async def quiet(self, seconds: float) -> AsyncIterator[None]:
        """Let nothing new begin while the block runs, and wait until what runs has ended."""
        self.gate.clear()
        try:
            async with asyncio.timeout(seconds):
                while self.running.total():  # noqa: ASYNC110 - a counter has no event
                    await asyncio.sleep(0.1)
            yield
        finally:
            self.gate.set()

    def excused(self, step: Step) -> bool:
        """Tell whether the error of a step is what a fault at the time looks like."""
        return any(
            fault.began < step.ended
            and step.began < (fault.ended or step.ended) + _GRACE
            and step.error.startswith(_EXCUSES.get(fault.kind, ()))
            for fault in self.faults
        )

    def errors(self) -> tuple[Counter[str], Counter[str]]:
        """Return how often each error came that a fault excuses, and each that none does."""
        expected, unexpected = Counter[str](), Counter[str]()
        for step in self.steps:
            if step.error:
                (expected if self.excused(step) else unexpected)[f"{step.what}: {step.error}"] += 1
        return expected, unexpected

    def times(self) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
        """Return the seconds that steps took, and those to their first text, of steps without errors, by kind."""
        whole, first = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
        for step in self.steps:
            if not step.error:
                whole[step.what].append(step.ended - step.began)
                if step.first:
                    first[step.what].append(step.first)
        return dict(whole), dict(first)
