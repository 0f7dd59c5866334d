"""`edgewise select`: which model this computer should run, and why."""

import argparse
import asyncio
import shutil
from pathlib import Path

import msgspec

from agent.cli import settings
from agent.cli.advice import WIDTH, explanation, next_step, runners_up, summary
from agent.cli.choosing import chooser
from agent.cli.owner import as_owner_wants
from agent.cli.style import style
from agent.config import Config
from agent.errors import ConfigError

_SETTINGS = (
    "state_dir", "use", "prefer", "licences", "least_speed", "profile", "context", "parallel", "threads", "micro_batch",
    "prompt_cache",
)  # fmt: skip


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("select", help="choose the best model for this computer, and say why")
    parser.add_argument("--explain", action="store_true", help="show every candidate with the reason")
    parser.add_argument("--all", action="store_true", help="with --explain: every file, not the best of each model")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--root", type=Path, metavar="DIR", help="choose for a recorded board (`edgewise probe --record`)"
    )
    parser.add_argument(
        "--as-configured", action="store_true", help="leave out what the owner has set on the pages: use and prefer"
    )
    settings.add(parser, *_SETTINGS)
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace, config: Config) -> int:
    """Print the choice; 1 when no model can be run."""
    if options.root is not None and not options.root.is_dir():
        raise ConfigError(
            f"There is no directory {options.root}.",
            hint="--root is the top of a tree made with `edgewise probe --record`",
        )
    owners = ""
    if options.root is None and not options.as_configured:
        config, owners = as_owner_wants(config, options.resolved.origins)
    choosing = chooser(config, options.root)
    selection = asyncio.run(choosing.choose(remember=False))
    if owners:
        note = f"{owners} `--as-configured` leaves that out."
        selection = msgspec.structs.replace(selection, notes=[*selection.notes, note])
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(selection, enc_hook=str)).decode())
    else:
        width, emphasis = min(WIDTH, shutil.get_terminal_size().columns), style()
        step = "" if options.root else next_step(selection, config, choosing.wanted())
        lines = [*summary(selection, emphasis, width, step)]
        if options.explain or options.all:
            lines += explanation(selection, emphasis, width, every_file=options.all)
        else:
            lines += runners_up(selection, emphasis)
        print("\n".join(lines))
    return 0 if selection.model else 1
