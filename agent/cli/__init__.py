"""The command line: the composition root. Only this package imports web, prints and exits.

Each command is one module with `add_parser(subparsers)`; modules without it help the others. A handler gets the
parsed arguments and the configuration and returns the exit status: 0 done, 1 something is wrong with what was looked
at, 2 the command was used wrongly or cannot do its work.
"""

import argparse
import importlib
import importlib.metadata
import os
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from agent.cli.settings import given
from agent.config import Resolved, resolve
from agent.errors import ConfigError, EdgewiseError

INTERRUPTED = 130  # the shell's status for a program ended by Ctrl-C
_FAILED = 2
# numpy comes with the engine, which is a process of its own; pydantic and attr with the tools for development.
_UNUSED = (
    "attr",  # litestar: 1 MiB, 10 ms
    "httpx._main",  # the command line of httpx: 5 MiB, 23 ms
    "numpy",  # sqlite-utils: 7 MiB, 60 ms
    "pydantic",  # litestar: 7 MiB, 45 ms
)


def main() -> None:
    """Run `edgewise` and exit."""
    # Libraries take these in wherever they are installed, and nothing in this process uses them. None makes an import
    # fail (language reference, 5.3.1), which all of them allow for.
    for name in _UNUSED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # typeshed does not know that it may be None
    os.umask(0o077)  # chats, keys and logs: what Edgewise writes is for the user that it runs as
    sys.exit(execute(sys.argv[1:]))


def execute(arguments: list[str]) -> int:
    """Run one command; errors meant for people end as two lines on stderr, without a traceback."""
    parser = create_parser(next(iter(arguments), ""))
    options = parser.parse_args(arguments)
    try:
        options.resolved = _resolved(options)
        status: int = options.handler(options, options.resolved.config)
    except EdgewiseError as error:
        print(f"edgewise: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `edgewise … | head`
        sys.stderr.close()
        return 0
    return status


def _resolved(options: argparse.Namespace) -> Resolved:
    """Return the configuration; a command may know better than to end where it is wrong."""
    try:
        return resolve(given(options), options.config)
    except ConfigError as error:
        rescue: Callable[[argparse.Namespace, ConfigError], Resolved] | None = getattr(options, "rescue", None)
        if rescue is None:
            raise
        return rescue(options, error)


def create_parser(command: str = "") -> argparse.ArgumentParser:
    """Return the parser with one command, so that it does not wait for the others to load; with all if it is none."""
    parser = argparse.ArgumentParser(
        prog="edgewise",
        description="A private chat appliance: serves a small language model on this computer.",
        epilog="`edgewise COMMAND --help` explains a command. Every setting is in docs/configuration.md.",
    )
    parser.add_argument("--version", action="version", version=f"edgewise {importlib.metadata.version('edgewise')}")
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file (TOML)")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in _commands(command.replace("-", "_")) or _commands():
        module.add_parser(subparsers)
    return parser


def _commands(name: str = "") -> list[ModuleType]:
    """Return the modules of all commands, or of the one that is named."""
    found = [module.name for module in pkgutil.iter_modules(__path__) if name in {"", module.name}]
    modules = [importlib.import_module(f"agent.cli.{each}") for each in found]
    return [module for module in modules if hasattr(module, "add_parser")]
