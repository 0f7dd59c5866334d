"""`edgewise select`: which model this computer should run, and why."""

import argparse
import asyncio
import shutil
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agent.chooser import Chooser
from agent.cli import settings
from agent.cli.advice import WIDTH, explanation, runners_up, summary
from agent.cli.style import style
from agent.config import Config, engine_environment
from agent.errors import ConfigError
from agent.inference.set_aside import SetAside
from agent.measurements import Measurements
from agent.models import ModelStore
from agent.selection import Selection
from agent.survey import LIVE

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
    settings.add(parser, *_SETTINGS)
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace, config: Config) -> int:
    """Print the choice; 1 when no model can be run."""
    if options.root is not None and not options.root.is_dir():
        raise ConfigError(
            f"There is no directory {options.root}.",
            hint="--root is the top of a tree made with `edgewise probe --record`",
        )
    selection = asyncio.run(_select(config, options.root))
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(selection)).decode())
    else:
        width, emphasis = min(WIDTH, shutil.get_terminal_size().columns), style()
        lines = [*summary(selection, emphasis, width)]
        if options.explain or options.all:
            lines += explanation(selection, emphasis, width, every_file=options.all)
        else:
            lines += runners_up(selection, emphasis, width)
        print("\n".join(lines))
    return 0 if selection.model else 1


async def _select(config: Config, root: Path | None) -> Selection:
    """Choose for this computer, or for a recorded one with what is installed there: nothing, as a rule."""
    if root is not None:
        config = replace(config, state_dir=root / "edgewise")
    chooser = Chooser(
        config,
        ModelStore(config.models_dir),
        SetAside(config.state_dir / "set-aside.json"),
        Measurements(config.state_dir / "measurements.json"),
        engine_environment(),
        root or LIVE,
    )
    return await chooser.choose(remember=False)
