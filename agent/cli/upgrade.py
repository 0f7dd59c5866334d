"""`edgewise upgrade`: change over to another version, and back when that is not well."""

import argparse

from agent.cli.install import add_options, begin
from agent.config import Config
from agent.errors import ConfigError
from agent.installation.upgrading import upgrade


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("upgrade", help="change over to another version; back again if it is not well")
    parser.add_argument("wanted", metavar="FILE.whl|VERSION", help="a wheel, or a version of the package index")
    add_options(parser)
    parser.set_defaults(handler=run)


def run(options: argparse.Namespace, config: Config) -> int:
    """Upgrade; 1 when the old version runs again."""
    place, actions = begin(options)
    if not place.live:
        raise ConfigError("What does not run cannot be upgraded with a look at how it runs; leave out --root.")
    done = upgrade(place, actions, options.wanted, lambda: _answers(config))
    if not done:
        print("The old version runs again. Why: journalctl -u edgewise")
    return 0 if done else 1


def _answers(config: Config) -> bool:
    """Tell whether the daemon says how it is doing; whether a model is loaded is not its version's fault."""
    import httpx

    from agent.cli.daemon import connection

    try:
        with httpx.Client(**connection(config), timeout=5) as client:
            return bool(client.get("/healthz").json()["version"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False
