"""`edgewise safe-mode`: whether the device does less so that it stays up, why, and the way out."""

import argparse
import time
from collections.abc import Callable

import msgspec

from agent.cli import settings
from agent.cli.bundle.owning import owned
from agent.cli.daemon import connection
from agent.cli.table import format_time
from agent.config import Config
from agent.errors import ConfigError
from agent.safe_mode import lives as policy
from agent.safe_mode import marker, saying
from agent.safe_mode.lives import Level, Lives, Rules
from agent.safe_mode.safe_mode import record_path
from agent.sole import sole

_PATH = "/api/edgewise/safe-mode"
_PATIENCE = 5.0  # seconds for the daemon to answer


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `safe-mode` with its sub-commands."""
    parser = subparsers.add_parser("safe-mode", help="show why the device does less after crashes; enter and leave it")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    showing = commands.add_parser("show", help="show whether it is in safe mode, and the latest crashes; 1 if it is")
    settings.add(showing, "state_dir")
    showing.set_defaults(handler=show)

    entering = commands.add_parser("enter", help="run no model and nothing that the pages can do without")
    entering.add_argument("--small-model", action="store_true", help="run the smallest model that has worked here")
    settings.add(entering, "state_dir", "host", "port", "tls", "tls_cert", "tls_key")
    entering.set_defaults(handler=enter)

    leaving = commands.add_parser("leave", help="try again with everything")
    settings.add(leaving, "state_dir", "host", "port", "tls", "tls_cert", "tls_key")
    leaving.set_defaults(handler=leave)


def show(args: argparse.Namespace, config: Config) -> int:  # noqa: ARG001 - every handler gets both
    """Print what is written down, whether or not a daemon runs; 1 in safe mode."""
    lives = marker.read(record_path(config.state_dir))
    print(f"{saying.reason(lives)} {saying.way_out(lives, Rules().patience)}" if lives.level else "No safe mode.")
    for crash in lives.crashes:
        print(f"  started {format_time(crash.begun)}, version {crash.version}: {saying.how(crash)}")
    return 1 if lives.level else 0


def enter(args: argparse.Namespace, config: Config) -> int:
    """Enter safe mode, at once where a daemon runs, else at its next start."""
    level: Level = 1 if args.small_model else 2
    if not _asked(config, "PUT", {"level": level}):
        _written(config, lambda lives: policy.enter(lives, level, time.time()))
    print("Only the smallest model runs from now on." if level == 1 else "No model runs from now on.")
    print("`edgewise safe-mode leave` ends that.")
    return 0


def leave(args: argparse.Namespace, config: Config) -> int:  # noqa: ARG001 - every handler gets both
    """Leave safe mode, at once where a daemon runs, else at its next start."""
    if not _asked(config, "DELETE"):
        _written(config, lambda lives: policy.leave(lives, time.time()))
    print("Everything is tried again.")
    return 0


def _asked(config: Config, method: str, body: object = None) -> bool:
    """Tell whether a daemon runs and has done it.

    Raises:
        ConfigError: one runs and refuses.
    """
    import httpx

    try:
        with httpx.Client(**connection(config), timeout=_PATIENCE) as client:
            reply = client.request(method, _PATH, content=msgspec.json.encode(body) if body else None)
    except httpx.HTTPError:
        return False
    if not reply.is_success:
        raise ConfigError(
            f"The daemon refuses: {reply.status_code} {reply.reason_phrase}.",
            hint="Say it as the user that it runs as.",
        )
    return True


def _written(config: Config, change: Callable[[Lives], Lives]) -> None:
    """Change what is written down for the next start.

    Raises:
        ConfigError: a daemon works there that does not answer, or nothing can be written.
    """
    path = record_path(config.state_dir)
    with sole(config.state_dir, patience=0), owned(config.state_dir):
        if not marker.write(path, change(marker.read(path))):
            raise ConfigError(f"{path} cannot be written.", hint="Is there room, and is it yours?")
