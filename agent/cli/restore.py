"""`edgewise restore`: a backup takes the place of what is here, and there is a way back."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from agent.cli import settings
from agent.config import Config
from agent.errors import ConfigError
from agent.models import ModelStore
from agent.sole import sole
from agent.upkeep import restoring
from agent.upkeep.archive import Model


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("restore", help="put a backup in place of what is here; the daemon must be stopped")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", metavar="FILE", type=Path, nargs="?", help="written by `edgewise backup`")
    what.add_argument("--back", action="store_true", help="put back what the last restore has replaced")
    parser.add_argument(
        "--new-id", action="store_true", help="give this device an id of its own: that of the backup is still in use"
    )
    settings.add(parser, "state_dir")
    parser.set_defaults(handler=restore)


def restore(args: argparse.Namespace, config: Config) -> int:
    """Restore, and say what is left to do."""
    try:
        with sole(config.state_dir, patience=0):
            if args.back:
                restoring.go_back(config.state_dir)
                print("What was here before is back.")
                return 0
            manifest = restoring.restore(config.state_dir, args.file.expanduser(), new_id=args.new_id)
    except ConfigError as error:
        error.hint = "Stop it first: sudo systemctl stop edgewise"
        raise
    print(
        f"The backup of {manifest.name or manifest.device} of {manifest.created} is in place. Everybody signs in anew."
    )
    print("`edgewise restore --back` undoes this.")
    _tell_missing(manifest.models, ModelStore(config.models_dir))
    if (kept := config.state_dir / "config.restored.toml").exists():
        print(f"The configuration file of the backup is {kept}; nothing reads it there.")
    return 0


def _tell_missing(wanted: Sequence[Model], store: ModelStore) -> None:
    here = {model.name for model in store.everything()}
    missing = [model for model in wanted if model.name not in here]
    if missing:
        print("Models of the backup that are not here:")
    for model in missing:
        print(f"  edgewise models pull {model.source}")
