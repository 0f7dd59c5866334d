"""`edgewise estimate`: what a model would take here and how fast it would be, before it is even downloaded."""

import argparse
import asyncio
import difflib
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import msgspec
from msgspec.structs import replace

from agent.catalog import Model, load_catalog
from agent.cli import settings
from agent.config import Config, engine_environment
from agent.errors import ConfigError, ModelNotFoundError
from agent.gguf import Header, read_header
from agent.measurements import Measurements
from agent.memory import MemoryEstimate, estimate, recommend_mapped
from agent.models import ModelStore
from agent.onnx import is_onnx, read_folder
from agent.plan import KvType, Plan
from agent.selection import Backend, Machine, wanted_plan
from agent.shape import Shape
from agent.shape import onnx as onnx_shape
from agent.shape.header import shape_of
from agent.shape.published import shape_from
from agent.speed import Prediction, predict
from agent.survey import Surveyor
from agent.units import format_bytes

_WIDTH = 100  # columns
_COLUMNS = ("weights", "kv_cache", "compute", "overhead", "prompt_cache", "total")
_TITLES = (
    "file",
    "size",
    "weights",
    "KV cache",
    "compute",
    "overhead",
    "prompt cache",
    "total",
    "reads/s",
    "tok/s",
    "",
)


class FileEstimate(msgspec.Struct, frozen=True):
    """What one file of a model takes, in bytes, and how fast it is; `fits` compares with what may be used now."""

    file: str
    quantization: str
    bytes: int
    plan: Plan
    memory: MemoryEstimate
    predicted: Prediction
    fits: bool


@dataclass(frozen=True)
class _File:
    """A file of a model, here or in the catalogue."""

    name: str
    quantization: str
    bytes: int
    shape: Shape

    @property
    def engine(self) -> str:
        return "onnx" if self.shape.format == "onnx" else "llama_cpp"


class Report(msgspec.Struct, frozen=True):
    """All files of one model, the memory that may be used now, and where the speed predictions come from."""

    model: str
    architecture: str
    usable: int
    rates: str
    files: list[FileEstimate]
    kv_type: str


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("estimate", help="how much memory a model would take, and how fast it would be")
    parser.add_argument(
        "wanted",
        metavar="FILE|MODEL",
        help="GGUF file, folder of an ONNX model, installed model, or name in the catalogue",
    )
    parser.add_argument("--kv-type", choices=get_args(KvType), help="type of the keys and values in the KV cache")
    parser.add_argument("--json", action="store_true", help="print JSON")
    settings.add(parser, "state_dir", "context", "parallel", "micro_batch", "prompt_cache", "threads", "profile")
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace, config: Config) -> int:
    """Print what the model takes; 1 when no file of it fits."""
    name, found = _files(options.wanted, config)
    measurements = Measurements(config.state_dir / "measurements.json")
    machine = asyncio.run(Surveyor(config, measurements, engine_environment()).survey(engines={found[0].engine}))
    base = wanted_plan(machine, config.policy())
    if options.kv_type:
        base = replace(base, kv_type=options.kv_type)
    backend = _backend(machine, found[0].engine)
    files = [_estimate(file, base, machine, backend) for file in found]
    kv_type = found[0].shape.kv_type or base.kv_type
    report = Report(name, found[0].shape.architecture, backend.budget.usable, backend.rates.source, files, kv_type)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print("\n".join(_lines(report, base)))
    return 0 if any(file.fits for file in files) else 1


def _backend(machine: Machine, engine: str) -> Backend:
    """Return how this computer runs files of an engine.

    Raises:
        ConfigError: it does not.
    """
    for backend in machine.backends:
        if backend.engine == engine:
            return backend
    reason = machine.missing.get(engine, f"The firmware profile {machine.profile.name} names no engine for this file.")
    raise ConfigError(reason)


def _files(wanted: str, config: Config) -> tuple[str, list[_File]]:
    """Return the name of a model, and its files.

    Raises:
        ModelNotFoundError: there is no such file or model.
        ModelFileError: the file is unusable.
        ConfigError: nothing is known about the shape of the model.
    """
    path = Path(wanted)
    if path.suffix == ".gguf" or path.is_file() or is_onnx(path):
        return _local(path.stem, path)
    catalog = {model.name: model for model in load_catalog(*config.directories("families"))}
    store = ModelStore(config.models_dir)
    if wanted in catalog and all(model.name != wanted for model in store.installed()):
        return _published(catalog[wanted])
    try:
        model = store.find(wanted)
    except ModelNotFoundError as error:
        raise _unknown(wanted, error, [*catalog]) from error
    return _local(model.name, store.path(model))


def _local(name: str, path: Path) -> tuple[str, list[_File]]:
    if is_onnx(path):
        folder = read_folder(path)
        return name, [_File(folder.graph.name, folder.quantization, folder.bytes, onnx_shape.shape_of(folder))]
    header: Header = read_header(path)
    return name, [_File(path.name, header.quantization, header.file_size, shape_of(header))]


def _published(model: Model) -> tuple[str, list[_File]]:
    if model.shape is None or not model.files:
        raise ConfigError(
            f"The memory that {model.name} takes is not known: the catalogue has no "
            f"{'files' if model.shape else 'shape'} of it.",
            hint=model.unsupported or model.note,
        )
    shape = model.shape
    return model.name, [_File(f.reference, f.quantization, f.bytes, shape_from(shape, f)) for f in model.files]


def _unknown(wanted: str, error: ModelNotFoundError, names: list[str]) -> ModelNotFoundError:
    close = difflib.get_close_matches(wanted, names, 3, 0.5)
    hint = f"The catalogue has {', '.join(close)}." if close else error.hint
    return ModelNotFoundError(
        f"There is no file, installed model or model of the catalogue called {wanted!r}.", hint=hint
    )


def _estimate(file: _File, base: Plan, machine: Machine, backend: Backend) -> FileEstimate:
    shape = file.shape
    context = min(base.context, shape.training_context or base.context)
    mapped = recommend_mapped(shape, machine.features)
    plan = replace(base, context=context, mapped=mapped, provider=backend.provider)
    memory = estimate(shape, plan, machine.features)
    predicted = predict(shape, plan, backend.rates)
    fits = memory.total <= backend.budget.usable
    return FileEstimate(file.name, file.quantization, file.bytes, plan, memory, predicted, fits)


def _lines(report: Report, base: Plan) -> list[str]:
    rows = [_TITLES, *(_cells(file) for file in report.files)]
    used = [column for column in range(len(_TITLES)) if any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in used}
    table = [
        "  ".join(
            row[column].ljust(widths[column]) if column == 0 else row[column].rjust(widths[column]) for column in used
        )
        for row in rows
    ]
    context = report.files[0].plan.context
    return [
        f"{report.model}  ({report.architecture})",
        f"{base.parallel} x {context} tokens of context, {report.kv_type} KV cache, micro-batch {base.micro_batch}",
        "",
        *(line.rstrip() for line in table),
        "",
        f"usable now: {format_bytes(report.usable)}",
        *textwrap.wrap(f"tokens per second: one request alone, {report.rates}", _WIDTH),
    ]


def _cells(file: FileEstimate) -> tuple[str, ...]:
    parts = [getattr(file.memory, column) for column in _COLUMNS]
    sizes = [format_bytes(part) if part else "" for part in parts]
    name = file.file.rpartition("/")[2]
    speeds = (f"{file.predicted.prefill:.0f}", f"{file.predicted.decode:.1f}")
    return (name, format_bytes(file.bytes), *sizes, *speeds, "fits" if file.fits else "does not fit")
