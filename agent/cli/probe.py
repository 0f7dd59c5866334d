"""`edgewise probe`: what this computer is, as far as Edgewise can tell."""

import argparse
import asyncio
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent import providers
from agent.cli import settings
from agent.config import Config, engine_environment
from agent.errors import ConfigError
from agent.hardware import probe
from agent.hardware.facts import Hardware
from agent.hardware.reading import read_rate
from agent.hardware.record import record
from agent.hardware.sheet import rows
from agent.models import ModelStore
from agent.providers import Provider
from agent.providers.words import describe

_LIVE = Path("/")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("probe", help="show what this computer is")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--root", type=Path, default=_LIVE, metavar="DIR", help="look at a recorded tree instead")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="DIR",
        help="also write what was read into a new directory, without serial numbers",
    )
    parser.add_argument("--measure", action="store_true", help="also measure how fast an installed model is read")
    settings.add(parser, "state_dir", "onnx_ep_libraries")
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace, config: Config) -> int:
    """Print the facts about this computer, or about a recorded one."""
    if not options.root.is_dir():
        raise ConfigError(
            f"There is no directory {options.root}.",
            hint="--root is the top of a tree made with `edgewise probe --record`",
        )
    if options.record is not None:
        hardware = record(options.record, root=options.root, storage=config.state_dir)
    else:
        hardware = probe(options.root, storage=config.state_dir)
    if options.measure:
        hardware = _with_read_rate(hardware, config)
    found = _providers(config) if options.root == _LIVE else []
    if options.json:
        document = {**msgspec.to_builtins(hardware), "providers": msgspec.to_builtins(found)}
        print(msgspec.json.format(msgspec.json.encode(document)).decode())
        return 0
    facts = [*rows(hardware), *(("provider", describe(provider)) for provider in found)]
    width = max(len(label) for label, _ in facts)
    for label, text in facts:
        print(f"{label:{width}}  {text}")
    if options.record is not None:
        print(f"\nRecorded in {options.record}. Have a look at it before you give it to others.")
    return 0


def _providers(config: Config) -> list[Provider]:
    """Look for execution providers anew: drivers may have come since the last time."""
    return asyncio.run(providers.find(config.state_dir, config.onnx_ep_libraries, engine_environment()))


def _with_read_rate(hardware: Hardware, config: Config) -> Hardware:
    """Add how fast the largest installed model is read from the storage."""
    store = ModelStore(config.models_dir)
    files = sorted((store.path(model) for model in store.installed()), key=lambda path: path.stat().st_size)
    if not files:
        raise ConfigError(
            "There is no installed model whose reading could be measured.", hint="`edgewise models pull starter`"
        )
    return replace(hardware, storage=replace(hardware.storage, read_rate=read_rate(files[-1])))
