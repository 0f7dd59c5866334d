"""The computer as selection sees it, and the files that it may choose from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.catalog import File, Model
from agent.profiles import Profile
from agent.selection.outcome import Budget
from agent.shape import Shape
from agent.speed import Prediction, Rates


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to run models here: an engine on an execution provider, how fast it is, and the memory it can use."""

    engine: str
    provider: str
    rates: Rates
    budget: Budget


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer.

    Attributes:
        board: in words.
        profile: the firmware profile that fits.
        features: of the CPU, as in `agent.hardware.facts`.
        threads: compute threads.
        disk_free: bytes for models; None when unknown.
        backends: best first.
        notes: what a person should know about it, such as engines that are missing.
        missing: why an engine cannot be used here, by its name.
        quota: bytes that all models together may take on the disk; 0: as many as there is room for.
    """

    board: str
    profile: Profile
    features: tuple[str, ...]
    threads: int
    disk_free: int | None
    backends: tuple[Backend, ...]
    notes: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    quota: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that may be chosen.

    Attributes:
        model: what it is a file of.
        file: where it comes from, its size and its quantization.
        shape: for memory and speed; None when unknown.
        installed: name under which it is installed; empty when it is not.
        arrived: bytes of it that an interrupted download has left here.
        observed: speed in real use on this machine by execution provider; 0 for what is not known of it.
        runner: engine that alone can run it; empty for the usual one of its format.
        trouble: why the engine cannot run it here, learnt by trying; empty when nothing is known.
    """

    model: Model
    file: File
    shape: Shape | None
    installed: str = ""
    arrived: int = 0
    observed: Mapping[str, Prediction] = field(default_factory=dict)
    runner: str = ""
    trouble: str = ""

    @property
    def engine(self) -> str:
        """The engine that runs it, which its format decides."""
        return self.runner or ("onnx" if self.shape is not None and self.shape.format == "onnx" else "llama_cpp")

    def runs_on(self, backend: Backend) -> bool:
        """Tell whether a backend takes it; what is not a processor, ONNX Runtime reaches through `genai` alone."""
        elsewhere = (self.engine, backend.engine) == ("onnx", "genai") and backend.provider != "cpu"
        return backend.engine == self.engine or elsewhere
