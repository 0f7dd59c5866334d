"""`edgewise convert`: makes an ONNX model out of a GGUF file or of safetensors; meant for a workstation."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from msgspec.structs import replace

from agent.cli import settings
from agent.config import Config, engine_environment
from agent.convert.conversion import PRECISIONS, TOOLS, Conversion
from agent.convert.source import Source, find
from agent.errors import ModelError, ModelFileError
from agent.hardware import probe
from agent.models import InstalledModel, ModelStore
from agent.models.installed import write_model
from agent.models.names import check_name
from agent.onnx import ModelFolder, read_folder
from agent.units import format_bytes

_STAGES = {
    "reading": "reading the weights as float32",
    "building": "building the ONNX model",
    "checking": "checking the result",
}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("convert", help="make an ONNX model out of a GGUF file or safetensors")
    parser.add_argument(
        "wanted", metavar="MODEL", help="installed GGUF model, .gguf file, folder with safetensors, or hf:owner/repo"
    )
    parser.add_argument("--to", choices=["onnx"], default="onnx", help="format of the result (default: onnx)")
    parser.add_argument("--precision", choices=PRECISIONS, default="int4", help="of the weights (default: int4)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write it into a new folder, do not install it")
    parser.add_argument("--name", help="install it under this name")
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), metavar="PATH", help="Python that has torch"
    )
    parser.add_argument("--tool", choices=TOOLS, default="builder", help="what builds the model (default: builder)")
    settings.add(parser, "state_dir")
    parser.set_defaults(handler=convert)


def convert(options: argparse.Namespace, config: Config) -> int:
    """Convert one model, and install it or leave it where the user wants it."""
    store = ModelStore(config.models_dir)
    source = find(options.wanted, store)
    name = check_name(options.name or f"{source.name}-{options.precision}-onnx")
    _require_new(store, name, options.output)
    place: Path = options.output.absolute().parent if options.output else config.models_dir
    place.mkdir(parents=True, exist_ok=True)
    job = Conversion(source, options.precision, options.tool, options.python.expanduser(), engine_environment())
    job.check(place, probe(Path("/")).memory.usable, store.transfer.reserve)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".convert-", dir=place) as scratch:
        made = Path(scratch, name)
        job.run(made, Path(scratch), _say)
        _say("checking")
        folder = _checked(made)
        if options.output:
            made.rename(options.output)
        else:
            _install(store, made, source, config)
    seconds = time.monotonic() - started
    done = f"is in {options.output}" if options.output else "is installed"
    print(f"{name} {done}: {format_bytes(folder.bytes)}, {options.precision}, {seconds:.0f} s.")
    return 0


def _say(stage: str) -> None:
    print(f"{_STAGES[stage]} …", flush=True)


def _require_new(store: ModelStore, name: str, output: Path | None) -> None:
    if output and output.exists():
        raise ModelError(f"{output} exists already.", hint="Name a folder that does not exist yet.")
    if not output and any(model.name == name for model in store.everything()):
        raise ModelError(
            f"{name} is installed already.",
            hint=f"Remove it first: `edgewise models rm {name}`, or choose a name: `--name NAME`.",
        )


def _checked(made: Path) -> ModelFolder:
    """Return what was made, read as a device will read it before it loads the model."""
    try:
        return read_folder(made)
    except ModelFileError as error:
        raise ModelError(
            f"What the tools have made is no model that Edgewise can use. {error.message}", hint=error.hint
        ) from error


def _install(store: ModelStore, made: Path, source: Source, config: Config) -> InstalledModel:
    model = asyncio.run(store.pull(str(made), config.sources(), name=made.name))
    model = replace(model, source=str(source.path), licence=source.licence)
    write_model(store.root / model.name, model)
    return model
