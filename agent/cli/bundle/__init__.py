"""`edgewise bundle`: signed updates in one file, made here and applied elsewhere."""

import argparse
from pathlib import Path

from agent.cli import settings
from agent.cli.bundle import making, taking


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command `bundle` with its sub-commands."""
    parser = subparsers.add_parser("bundle", help="signed updates in one file, for devices without a network")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_making(commands)
    _add_taking(commands)


def _add_making(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    key = commands.add_parser("key", help="make a pair of keys: FILE, which is secret, and FILE.pub for the devices")
    key.add_argument("file", type=Path, metavar="FILE")
    key.add_argument("-W", "--no-password", action="store_true", help="do not protect it with a password")
    key.set_defaults(handler=making.make_key)

    create = commands.add_parser("create", help="put models, profiles, families, settings and wheels into one file")
    create.add_argument(
        "parts",
        nargs="+",
        metavar="PART",
        help="name of an installed model, model:PATH, profile:FILE.toml, family:FILE.toml, config:FILE, wheel:FILE",
    )
    create.add_argument("--key", type=Path, required=True, metavar="FILE", help="secret key, also one of minisign")
    create.add_argument("--password-file", type=Path, metavar="FILE", help="password of the key; else it is asked for")
    create.add_argument("--out", type=Path, required=True, metavar="FILE", help="such as spring.edgewise-bundle")
    create.add_argument("--name", required=True, help="line of updates that it belongs to, such as acme-kiosk")
    create.add_argument("--version", type=int, required=True, help="number in that line, higher with each update")
    create.add_argument("--title", default="", help="for people")
    create.add_argument(
        "--serve", default="", metavar="MODEL", help="model of the bundle that is to serve from then on"
    )
    create.add_argument("--architecture", action="append", default=[], help="only for these, such as aarch64")
    create.add_argument("--board", action="append", default=[], help="only for these firmware profiles")
    create.add_argument("--least", default="", metavar="VERSION", help="oldest version of Edgewise that it is for")
    create.add_argument("--most", default="", metavar="VERSION", help="newest version of Edgewise that it is for")
    settings.add(create, "state_dir")
    create.set_defaults(handler=making.create)


def _add_taking(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    show = commands.add_parser("show", help="say what is in a bundle, whoever has signed it")
    show.add_argument("file", type=Path, metavar="FILE")
    show.add_argument("--json", action="store_true", help="print the manifest")
    settings.add(show, "state_dir", "bundle_keys")
    show.set_defaults(handler=taking.show)

    verify = commands.add_parser("verify", help="read a whole bundle and compare it with what a trusted key has signed")
    verify.add_argument("file", type=Path, metavar="FILE")
    settings.add(verify, "state_dir", "bundle_keys")
    verify.set_defaults(handler=taking.verify)

    apply = commands.add_parser("apply", help="bring a bundle into force, all of it or nothing")
    apply.add_argument("file", type=Path, metavar="FILE", help="such as /media/usb/spring.edgewise-bundle")
    apply.add_argument("--dry-run", action="store_true", help="check everything, change nothing")
    apply.add_argument("--no-wait", action="store_true", help="do not wait until the new model serves")
    settings.add(apply, "state_dir", "bundle_keys", "bundle_settings", "host", "port")
    apply.set_defaults(handler=taking.apply)

    rollback = commands.add_parser("rollback", help="take the last update back")
    settings.add(rollback, "state_dir")
    rollback.set_defaults(handler=taking.roll_back)
