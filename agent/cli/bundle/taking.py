"""Looking at bundles, applying them, and taking the last one back."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from agent.bundles import applying
from agent.bundles import manifest as manifests
from agent.bundles.manifest import Manifest
from agent.bundles.minisign import PublicKey
from agent.bundles.place import Place
from agent.bundles.reading import open_bundle, read_head
from agent.bundles.trust import trusted_keys
from agent.cli.bundle.owning import owned
from agent.cli.bundle.trial import accepted
from agent.cli.models.progress import ProgressLine
from agent.config import Config
from agent.errors import BundleError
from agent.models.progress import Meter
from agent.units import format_bytes


def show(args: argparse.Namespace, config: Config) -> int:
    """Print what a bundle says about itself, and whether a trusted key has signed that; 1 if none has."""
    with _opened(args.file) as file:
        written, signature = read_head(file)
    try:
        verdict, status = f"signed with the trusted key {signature.verify(written, trusted_keys(config)).name}", 0
    except BundleError as error:
        name = PublicKey(signature.key_id, b"").name
        verdict, status = f"NOT TRUSTED, it names the key {name}: {error.message}", 1
    manifest = manifests.decode(written)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(manifest)).decode())
        return status
    print(f"{manifest.name} {manifest.version}{f', {manifest.title}' if manifest.title else ''}; {verdict}")
    for line in _facts(manifest):
        print(line)
    return status


def verify(args: argparse.Namespace, config: Config) -> int:
    """Read a whole bundle; 2 with the reason if something in it is not right."""
    line = ProgressLine(args.file.name)
    meter, done = Meter(line), 0
    try:
        with _opened(args.file) as file:
            bundle = open_bundle(file, trusted_keys(config))
            for _, content in bundle.parts():
                for chunk in content:
                    done += len(chunk)
                    meter.report("verifying", done, bundle.manifest.bytes)
    finally:
        line.end()
    print(f"{args.file}: OK, {bundle.manifest.name} {bundle.manifest.version}, signed with {bundle.key.name}.")
    return 0


def apply(args: argparse.Namespace, config: Config) -> int:
    """Bring a bundle into force; 1 if it was taken back because its model does not serve."""
    place = Place(config, args.resolved.file)
    line = ProgressLine(args.file.name)
    try:
        with owned(config.state_dir), _opened(args.file) as file:
            manifest = applying.apply(place, file, on_progress=line, dry_run=args.dry_run)
    finally:
        line.end()
    whole = f"{manifest.name} {manifest.version}"
    if args.dry_run:
        print(f"{whole} can be applied. Nothing was changed.")
        return 0
    print(f"{whole} is in force. `edgewise bundle rollback` takes it back.")
    if manifest.of_kind("config"):
        print("Settings that take effect at a start wait for the next one.")
    if not manifest.serve or args.no_wait or accepted(config, manifest.serve):
        return 0
    with owned(config.state_dir):
        applying.roll_back(place)
    print(f"It was taken back: everything is as before {whole}.")
    return 1


def roll_back(args: argparse.Namespace, config: Config) -> int:
    """Take the last update back."""
    with owned(config.state_dir):
        last = applying.roll_back(Place(config, args.resolved.file))
    now = f"{last.before} is" if last.before else "nothing of it is"
    print(f"{last.name} {last.version} was taken back; {now} in force.")
    return 0


def _facts(manifest: Manifest) -> Iterator[str]:
    for name, values in (("architectures", manifest.architectures), ("boards", manifest.boards)):
        if values:
            yield f"only for {name} {', '.join(values)}"
    if manifest.least or manifest.most:
        yield f"for Edgewise {manifest.least or '…'} to {manifest.most or '…'}"
    for part in manifest.parts:
        yield f"  {part.kind:8}{part.name}/{part.file}, {format_bytes(part.bytes)}"
    if manifest.serve:
        yield f"{manifest.serve} serves from then on"


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from error
