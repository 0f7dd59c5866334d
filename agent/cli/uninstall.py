"""`edgewise uninstall`: the way back."""

import argparse

from agent.cli.install import add_options, begin
from agent.config import Config
from agent.installation.installing import uninstall


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "uninstall", help="remove what `edgewise install` has brought; keeps models and chats"
    )
    add_options(parser)
    parser.add_argument("--purge", action="store_true", help="delete settings, models, people and chats as well")
    parser.set_defaults(handler=run)


def run(options: argparse.Namespace, _config: Config) -> int:
    """Uninstall."""
    place, actions = begin(options)
    uninstall(place, actions, purge=options.purge)
    if place.state.exists() and not options.dry_run:
        print(f"Models, people and chats are still in {place.state}; `--purge` deletes them too.")
    return 0
