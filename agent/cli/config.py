"""`edgewise config`: the settings in force, and where each came from."""

import argparse
import re

import msgspec

from agent.cli import settings
from agent.config import SETTINGS, Config

_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("config", help="show the settings in force and where each value came from")
    parser.add_argument("--json", action="store_true", help="print JSON")
    settings.add(parser)
    parser.set_defaults(handler=show)


def show(options: argparse.Namespace, config: Config) -> int:
    """Print one line per setting."""
    rows = [(s.name, _plain(getattr(config, s.name)), options.resolved.origins[s.name]) for s in SETTINGS]
    if options.json:
        document = {name: {"value": value, "from": origin} for name, value, origin in rows}
        print(msgspec.json.format(msgspec.json.encode(document)).decode())
        return 0
    width = max(len(name) for name, _, _ in rows)
    shown = [(name, msgspec.json.encode(value).decode(), origin) for name, value, origin in rows]
    column = max(len(value) for _, value, _ in shown)
    for name, value, origin in shown:
        print(f"{name:{width}} = {value:{column}}  # {origin}")
    return 0


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _PASSWORD.sub("…@", value)  # addresses of mirrors have some, and this is what people paste into reports
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value if isinstance(value, int | float | bool | None) else str(value)
