"""`edgewise estimate`: how much memory a model would take here, before it is loaded or even downloaded."""

import argparse
import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import msgspec

from agent.catalog import Model, load_catalog
from agent.cli import settings
from agent.config import Config
from agent.errors import ConfigError, ModelNotFoundError
from agent.gguf import Header, read_header
from agent.hardware import probe
from agent.hardware.facts import Hardware
from agent.memory import MemoryEstimate, estimate, recommend_mapped
from agent.models import ModelStore
from agent.plan import KvType, Plan
from agent.profiles import Defaults, built_in, load_profiles, match
from agent.shape import Shape
from agent.shape.header import shape_of
from agent.shape.published import shape_from
from agent.units import format_bytes

_MIB = 1 << 20
_COLUMNS = ("weights", "kv_cache", "compute", "overhead", "prompt_cache", "total")
_TITLES = ("file", "size", "weights", "KV cache", "compute", "overhead", "prompt cache", "total", "")


class FileEstimate(msgspec.Struct, frozen=True):
    """What one file of a model takes. Bytes; `fits` compares the total with what is available now."""

    file: str
    quantization: str
    bytes: int
    plan: Plan
    memory: MemoryEstimate
    fits: bool


@dataclass(frozen=True)
class _File:
    """A file of a model, here or in the catalogue."""

    name: str
    quantization: str
    bytes: int
    shape: Shape


class Report(msgspec.Struct, frozen=True):
    """All files of one model, and the memory that a new process could have now."""

    model: str
    architecture: str
    available: int
    files: list[FileEstimate]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("estimate", help="how much memory a model would take")
    parser.add_argument("wanted", metavar="FILE|MODEL", help="GGUF file, installed model, or name in the catalogue")
    parser.add_argument("--kv-type", choices=get_args(KvType), help="type of the keys and values in the KV cache")
    parser.add_argument("--json", action="store_true", help="print JSON")
    settings.add(parser, "state_dir", "context", "parallel", "micro_batch", "prompt_cache")
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace, config: Config) -> int:
    """Print what the model takes; 1 when no file of it fits."""
    hardware = probe(storage=config.state_dir)
    base = _plan(hardware, config, options.kv_type)
    name, found = _files(options.wanted, config)
    files = [_estimate(file, base, hardware) for file in found]
    report = Report(name, found[0].shape.architecture, hardware.memory.usable, files)
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print("\n".join(_lines(report, base)))
    return 0 if any(file.fits for file in files) else 1


def _plan(hardware: Hardware, config: Config, kv_type: KvType | None) -> Plan:
    """Return how models are run here: as the settings say, and for the rest as the firmware profile does."""
    defaults: Defaults = match(hardware, load_profiles(built_in(), *config.directories("firmware-profiles"))).defaults
    cache = config.prompt_cache if config.prompt_cache >= 0 else int(defaults.prompt_cache.value)
    return Plan(
        context=config.context or int(defaults.context.value),
        parallel=config.parallel or int(defaults.parallel.value),
        threads=config.threads or hardware.cpu.big_cores,
        micro_batch=config.micro_batch or int(defaults.micro_batch.value),
        kv_type=kv_type or defaults.kv_type,
        prompt_cache=cache * _MIB,
    )


def _files(wanted: str, config: Config) -> tuple[str, list[_File]]:
    """Return the name of a model, and its files.

    Raises:
        ModelNotFoundError: there is no such file or model.
        ModelFileError: the file is unusable.
        ConfigError: nothing is known about the shape of the model.
    """
    path = Path(wanted)
    if path.suffix == ".gguf" or path.is_file():
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


def _estimate(file: _File, base: Plan, hardware: Hardware) -> FileEstimate:
    shape, features = file.shape, hardware.cpu.features
    context = min(base.context, shape.training_context or base.context)
    plan = msgspec.structs.replace(base, context=context, mapped=recommend_mapped(shape, features))
    memory = estimate(shape, plan, features)
    fits = memory.total <= hardware.memory.usable
    return FileEstimate(file.name, file.quantization, file.bytes, plan, memory, fits)


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
        f"{base.parallel} x {context} tokens of context, {base.kv_type} KV cache, micro-batch {base.micro_batch}",
        "",
        *(line.rstrip() for line in table),
        "",
        f"available now: {format_bytes(report.available)}",
    ]


def _cells(file: FileEstimate) -> tuple[str, ...]:
    parts = [getattr(file.memory, column) for column in _COLUMNS]
    sizes = [format_bytes(part) if part else "" for part in parts]
    name = file.file.rpartition("/")[2]
    return (name, format_bytes(file.bytes), *sizes, "fits" if file.fits else "does not fit")
