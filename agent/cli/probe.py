"""`edgewise probe`: what this computer is, as far as Edgewise can tell."""

import argparse
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.cli import settings
from agent.config import Config
from agent.errors import ConfigError
from agent.hardware import probe
from agent.hardware.facts import Hardware
from agent.hardware.reading import read_rate
from agent.hardware.record import record
from agent.hardware.sheet import rows
from agent.models import ModelStore


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("probe", help="show what this computer is")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR", help="look at a recorded tree instead")
    parser.add_argument(
        "--record",
        type=Path,
        metavar="DIR",
        help="also write what was read into a new directory, without serial numbers",
    )
    parser.add_argument("--measure", action="store_true", help="also measure how fast an installed model is read")
    settings.add(parser, "state_dir")
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
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(hardware)).decode())
        return 0
    facts = list(rows(hardware))
    width = max(len(label) for label, _ in facts)
    for label, text in facts:
        print(f"{label:{width}}  {text}")
    if options.record is not None:
        print(f"\nRecorded in {options.record}. Have a look at it before you give it to others.")
    return 0


def _with_read_rate(hardware: Hardware, config: Config) -> Hardware:
    """Add how fast the largest installed model is read from the storage."""
    store = ModelStore(config.models_dir)
    files = sorted((store.path(model) for model in store.installed()), key=lambda path: path.stat().st_size)
    if not files:
        raise ConfigError(
            "There is no installed model whose reading could be measured.", hint="`edgewise models pull starter`"
        )
    return replace(hardware, storage=replace(hardware.storage, read_rate=read_rate(files[-1])))
