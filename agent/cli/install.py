"""`edgewise install`: have Edgewise run on this computer, supervised by systemd."""

import argparse
import os
from pathlib import Path

from agent.config import Config
from agent.installation.actions import Actions
from agent.installation.installing import install, require_systemd
from agent.installation.place import Place


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("install", help="have systemd run Edgewise on this computer; again after changes")
    add_options(parser)
    parser.set_defaults(handler=run)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what all commands about an installation understand."""
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and do nothing")
    parser.add_argument("--prefix", type=Path, default=Path("/opt/edgewise"), metavar="DIR", help="where versions go")
    parser.add_argument(
        "--root", type=Path, default=Path("/"), metavar="DIR", help="write below this folder, and start nothing"
    )


def begin(options: argparse.Namespace) -> tuple[Place, Actions]:
    """Return the place that the options name, and what makes changes there.

    Raises:
        InstallError: nothing can be installed here.
    """
    place = Place(options.prefix.absolute(), options.root.absolute())
    if not options.dry_run:
        require_systemd(place)
    os.umask(0o022)  # every user runs it, among them those of the services
    return place, Actions(print, dry=options.dry_run, live=place.live)


def run(options: argparse.Namespace, config: Config) -> int:
    """Install."""
    place, actions = begin(options)
    install(place, actions)
    if options.dry_run:
        print("Nothing was changed.")
    elif place.live:
        print(f"Edgewise runs on port {config.port}. Become its owner with: sudo edgewise claim-code")
    return 0
