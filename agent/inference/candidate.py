"""What the supervisor may run, and what it says about it."""

from dataclasses import dataclass
from pathlib import Path

from agent.engines import ModelInfo
from agent.inference.frames import Load
from agent.plan import Plan
from agent.units import format_bytes


@dataclass(frozen=True)
class Expectation:
    """What a model must keep to in its first run here.

    Attributes:
        decode: least tokens per second.
        predicted: tokens per second that were promised.
        memory: most bytes of the engine process.
    """

    decode: float
    predicted: float
    memory: int

    def missed(self, decode: float, memory: int) -> str:
        """Return what a trial run missed, in words; empty when it kept to everything."""
        if decode < self.decode:
            return f"gave {decode:.1f} tokens per second in its trial run, of {self.predicted:.1f} predicted."
        if memory > self.memory:
            return f"took {format_bytes(memory)} of memory in its trial run, of {format_bytes(self.memory)} allowed."
        return ""


@dataclass(frozen=True)
class Candidate:
    """A model that may be run, and how.

    Attributes:
        name: under which clients ask for it.
        path: its file; None for engines that need none.
        engine: that runs it.
        build: version of the engine library, to remember failures by.
        plan: how to run it.
        expect: what it must keep to, in a trial run; None for no trial.
        libraries: with more execution providers for ONNX Runtime.
    """

    name: str
    path: Path | None
    engine: str
    build: str
    plan: Plan
    expect: Expectation | None = None
    libraries: tuple[Path, ...] = ()

    def load(self, *, extra_buffers: bool) -> Load:
        """Return the frame that has an engine load it."""
        return Load(
            path=str(self.path or ""),
            plan=self.plan,
            extra_buffers=extra_buffers,
            trial=self.expect is not None,
            libraries=[str(library) for library in self.libraries],
        )

    def same(self, other: "Candidate") -> bool:
        """Tell whether it is the same file on the same engine; how much memory was free when is no difference."""
        return (self.path, self.engine, self.plan.provider) == (other.path, other.engine, other.plan.provider)


@dataclass
class Status:
    """What the engine is doing."""

    state: str = "stopped"
    detail: str = ""
    hint: str = ""
    model: str = ""
    info: ModelInfo | None = None
    load_seconds: float = 0.0
    progress: float = 0.0
    restarts: int = 0
