"""`edgewise backup`: everything but the models, in one file."""

import argparse
import time
from pathlib import Path

from agent.cli import settings
from agent.config import Config
from agent.models import ModelStore
from agent.units import format_bytes
from agent.upkeep import archive


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "backup", help="write people, chats and settings into one file, also while the daemon runs"
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the file, such as edgewise.tar.gz, or a folder for it")
    parser.add_argument(
        "--secrets", action="store_true", help="also the broker's password and the private key of the certificate"
    )
    settings.add(parser, "state_dir")
    parser.set_defaults(handler=backup)


def backup(args: argparse.Namespace, config: Config) -> int:
    """Write the file, and say what is in it and what is not."""
    out: Path = args.file.expanduser()
    if out.is_dir():
        out /= time.strftime("edgewise-%Y-%m-%d.tar.gz")
    store = ModelStore(config.models_dir)
    manifest = archive.write(config.state_dir, store, out, secrets=args.secrets, config=args.resolved.file)
    print(f"{out} was written, {format_bytes(out.stat().st_size)}: whoever has it can read all chats.")
    if manifest.models:
        print(f"Models are in it by name only: {', '.join(model.name for model in manifest.models)}.")
    if not args.secrets:
        print("Without the broker's password and the key of the certificate; --secrets puts them in.")
    return 0
