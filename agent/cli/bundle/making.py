"""Making keys and bundles, on the computer of whoever looks after the devices."""

import argparse
import getpass
import os
import sys
from pathlib import Path

from agent.bundles import writing
from agent.bundles.manifest import Manifest
from agent.bundles.secret_key import SecretKey, is_encrypted, read_secret_key
from agent.bundles.secret_key import make_key as new_key
from agent.cli.models.progress import ProgressLine
from agent.config import Config
from agent.errors import BundleError
from agent.models import ModelStore
from agent.units import format_bytes


def make_key(args: argparse.Namespace, config: Config) -> int:  # noqa: ARG001 - every handler gets both
    """Write a new pair of keys; files that are there are never replaced."""
    public = args.file.with_name(args.file.name + ".pub")
    if args.file.exists() or public.exists():
        raise BundleError(f"{args.file} or {public} is there already.")
    password = "" if args.no_password else _new_password()
    key = new_key()
    _write_new(args.file, key.file(password), 0o600)
    _write_new(public, key.public().file(), 0o644)
    print(f"Keep {args.file} secret. Put {public} into the directory keys of each device's state directory,")
    print("or this line into its setting bundle_keys:")
    print(key.public().line())
    return 0


def create(args: argparse.Namespace, config: Config) -> int:
    """Write a bundle."""
    store = ModelStore(config.models_dir)
    found = [each for part in args.parts for each in writing.ingredients(part, store)]
    key = _key(args.key, args.password_file)
    line = ProgressLine(args.out.name)
    try:
        manifest = writing.describe(_wanted(args), found, line, serve=args.serve)
        writing.write(args.out, manifest, [each.path for each in found], key, line)
    finally:
        line.end()
    size = format_bytes(args.out.stat().st_size)
    print(f"{args.out}: {manifest.name} {manifest.version}, {size}, signed with the key {key.public().name}.")
    return 0


def _wanted(args: argparse.Namespace) -> Manifest:
    """Return everything but the parts and what depends on them; `describe` checks it."""
    return Manifest(
        format=1,
        name=args.name,
        version=args.version,
        parts=[],
        title=args.title,
        least=args.least,
        most=args.most,
        architectures=args.architecture,
        boards=args.board,
    )


def _key(path: Path, password_file: Path | None) -> SecretKey:
    try:
        text = path.read_text(encoding="utf-8")
        password = password_file.read_text(encoding="utf-8").rstrip("\n") if password_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"The key {path} or its password cannot be read: {error}.") from error
    if is_encrypted(text) and not password_file:
        password = getpass.getpass(f"Password of {path}: ", sys.stderr)
    return read_secret_key(text, password)


def _new_password() -> str:
    password = getpass.getpass("Password for the new key (empty: none): ", sys.stderr)
    if password != getpass.getpass("Once more: ", sys.stderr):
        raise BundleError("The two passwords are not the same.")
    return password


def _write_new(path: Path, text: str, mode: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BundleError(f"{path} cannot be written: {error.strerror}.") from error
