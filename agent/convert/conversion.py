"""One conversion, in a process with torch: what it takes, how far it is, and what went wrong."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.convert.source import Source
from agent.errors import ModelError
from agent.models.disk import require_space
from agent.units import format_bytes

PRECISIONS = ("int4", "int8", "fp16", "fp32")
TOOLS = ("builder", "olive")
_WORK = Path(__file__).with_name("work.py")
# Measured with SmolLM2-135M: 2.7 GB of memory, 659 MB of disk while it runs.
_MEMORY_BASE, _MEMORY_WEIGHT = 1_700_000_000, 8  # bytes; bytes per weight: as float32, twice
_DISK_READ = 4  # bytes per weight of a GGUF file, unpacked
_DISK_BUILT = {
    "int4": 1.2,
    "int8": 2.2,
    "fp16": 2.2,
    "fp32": 4.2,
}  # bytes per weight; the table of tokens stays float32
_MODULES = ("torch", "transformers", "accelerate", "gguf", "onnx_ir", "onnxruntime_genai")
_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1", "OLIVE_DISABLE_TELEMETRY": "1"}
_INSTALL = (
    "pip install --extra-index-url https://download.pytorch.org/whl/cpu torch transformers accelerate gguf onnx-ir "
    "onnxruntime-genai sentencepiece"
)
_SENTENCES = {
    "architecture": "The model cannot be built: {detail}.",
    "tokenizer": "The tokenizer cannot be converted: {detail}.",
    "memory": "The memory is not enough for the conversion.",
    "file": "A file cannot be read or written: {detail}.",
    "failed": "The conversion failed: {detail}.",
}
_HINTS = {
    "architecture": "convert another model, or use it as GGUF: Edgewise runs that too",
    "tokenizer": "convert the folder that the model was published in, with safetensors and tokenizer.json",
    "memory": "close other programs, or convert on a computer with more memory and copy the folder",
    "file": "check the free space of the disk, and whether all files of the model are there",
}


@dataclass(frozen=True)
class Conversion:
    """What is to be done.

    Attributes:
        source: the model.
        precision: of the weights, one of PRECISIONS.
        tool: one of TOOLS.
        python: the interpreter of an environment with torch.
        environment: of the process, without our secrets.
    """

    source: Source
    precision: str
    tool: str
    python: Path
    environment: Mapping[str, str]

    @property
    def memory(self) -> int:
        """Return about how many bytes of memory it takes."""
        return _MEMORY_BASE + self.source.parameters * _MEMORY_WEIGHT

    @property
    def disk(self) -> int:
        """Return about how many bytes it takes on the disk of the output while it runs."""
        read = _DISK_READ if self.source.path.is_file() else 0
        return int(self.source.parameters * (read + _DISK_BUILT[self.precision]))

    def check(self, folder: Path, available: int, reserve: int) -> None:
        """Make sure beforehand that it can work; `available` is the free memory, in bytes.

        Raises:
            ModelError: packages, memory or disk space are missing.
        """
        self._require_packages()
        if available < self.memory:
            raise ModelError(
                f"The conversion takes about {format_bytes(self.memory)} of memory (the weights as float32, twice); "
                f"{format_bytes(available)} are free.",
                hint=_HINTS["memory"],
            )
        require_space(folder, self.disk, reserve)

    def run(self, output: Path, scratch: Path, on_stage: Callable[[str], None]) -> None:
        """Make the folder `output`; both folders are on the disk that `check` has looked at.

        Raises:
            ModelError: it could not be done; the end of what the tools print is in `scratch/log`.
        """
        reading, writing = os.pipe()
        arguments = ("--precision", self.precision, "--tool", self.tool, "--scratch", scratch, "--report", str(writing))
        with (scratch / "log").open("wb") as log, os.fdopen(reading, encoding="utf-8") as report:
            process = subprocess.Popen(  # noqa: S603 - an interpreter that the user names, and our own script
                [self.python, _WORK, self.source.path, output, *arguments],
                env={**self.environment, **_ENVIRONMENT, "HF_HOME": str(scratch / "huggingface")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(writing,),
                start_new_session=True,  # Ctrl-C reaches this process only, which ends the other one
            )
            try:
                os.close(writing)
                failure = _follow(report, on_stage)
                process.wait()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)  # with Olive, which is one more process
                    process.wait()
        if failure or process.returncode:
            raise _error(failure, process.returncode)

    def _require_packages(self) -> None:
        wanted = (*_MODULES, "olive") if self.tool == "olive" else _MODULES
        look = "import importlib.util as u, sys; print(*(m for m in sys.argv[1:] if not u.find_spec(m)))"
        try:
            done = subprocess.run(  # noqa: S603 - an interpreter that the user names
                [self.python, "-I", "-c", look, *wanted], capture_output=True, text=True, timeout=60, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ModelError(
                f"{self.python} does not run as a Python: {error}.", hint="Name the bin/python of an environment."
            ) from error
        if missing := done.stdout.split():
            also = " olive-ai" if self.tool == "olive" else ""
            raise ModelError(
                f"{self.python} lacks what a conversion needs: {', '.join(missing)}.",
                hint=f"Make an environment for it (1.3 GB): `python3 -m venv ~/convert && ~/convert/bin/{_INSTALL}"
                f"{also}`, and name it: `--python ~/convert/bin/python`.",
            )


def _follow(report: Iterable[str], on_stage: Callable[[str], None]) -> dict[str, str]:
    """Pass on the stages until the other process closes its end, and return what it says went wrong, or nothing."""
    failure: dict[str, str] = {}
    for line in report:
        message: dict[str, str] = json.loads(line)
        if "error" in message:
            failure = message
        else:
            on_stage(message["stage"])
    return failure


def _error(failure: Mapping[str, str], status: int) -> ModelError:
    killed = -9  # nothing else kills with this signal than the kernel, which needs memory
    kind = failure.get("error", "memory" if status == killed else "failed")
    detail = failure.get("detail", f"the process ended with status {status}").rstrip(".")
    return ModelError(_SENTENCES[kind].format(detail=detail), hint=_HINTS.get(kind, ""))
