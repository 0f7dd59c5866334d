"""Whether an update is for this device: newer than what it has, its kind of computer, its version, and room for it."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from agent.bundles.manifest import Manifest
from agent.bundles.place import Place
from agent.errors import BundleError, ConfigError
from agent.hardware import probe
from agent.hardware.facts import Hardware
from agent.models.disk import require_space
from agent.phrase import Phrase
from agent.profiles import built_in, load_profiles, match
from agent.state import VERSION


def require_newer(manifest: Manifest, in_force: int) -> None:
    """Refuse to go back.

    Raises:
        BundleError: a version as high is in force.
    """
    if manifest.version == in_force:
        raise BundleError(
            Phrase("bundles.applied", "{name} {version} is in force already.", name=manifest.name, version=in_force)
        )
    if manifest.version < in_force:
        raise BundleError(
            Phrase(
                "bundles.older",
                "It is older than what is in force: {name} {version} after {in_force}.",
                name=manifest.name,
                version=manifest.version,
                in_force=in_force,
            )
        )


def require_fitting(manifest: Manifest, place: Place) -> None:
    """Refuse what is for other devices.

    Raises:
        BundleError: it is for other versions of Edgewise, processors or boards.
    """
    ours = _numbers(VERSION)
    if (manifest.least and ours < _numbers(manifest.least)) or (manifest.most and ours > _numbers(manifest.most)):
        wanted = f"{manifest.least or '…'}-{manifest.most or '…'}"
        raise BundleError(
            Phrase(
                "bundles.wrong_version",
                "It is for Edgewise {wanted}; this is {version}.",
                wanted=wanted,
                version=VERSION,
            )
        )
    if manifest.architectures or manifest.boards:
        hardware = probe(storage=place.config.state_dir)
        _require_one(manifest.architectures, hardware.cpu.architecture)
        if manifest.boards:
            _require_one(manifest.boards, _profile(place, hardware))


def require_room(place: Place, needed: dict[Path, int], reserve: int) -> None:
    """Refuse what would fill the disk.

    Args:
        place: the device.
        needed: bytes by directory; those that are on the same disk are taken together.
        reserve: bytes that are left to others.

    Raises:
        DownloadError: there is no room.
    """
    disks: dict[int, tuple[Path, int]] = {}
    for directory, size in needed.items():
        directory.mkdir(parents=True, exist_ok=True)
        disk = directory.stat().st_dev
        disks[disk] = (directory, disks.get(disk, (directory, 0))[1] + size)
    for directory, size in disks.values():
        require_space(directory, size, min(reserve, shutil.disk_usage(place.config.state_dir).total // 4))


def _require_one(wanted: Sequence[str], ours: str) -> None:
    if wanted and ours not in wanted:
        raise BundleError(
            Phrase(
                "bundles.wrong_device",
                "It is for {wanted}; this is {ours}.",
                wanted=", ".join(wanted),
                ours=ours or "?",
            )
        )


def _profile(place: Place, hardware: Hardware) -> str:
    if place.config.profile:
        return place.config.profile
    try:
        return match(hardware, load_profiles(built_in(), *place.config.directories("firmware-profiles"))).name
    except ConfigError:
        return ""


def _numbers(version: str) -> tuple[int, ...]:
    found = [int(number) for number in re.match(r"[0-9.]*", version)[0].split(".") if number]  # type: ignore[index]  # matches nothing too
    return tuple(found + [0] * (4 - len(found)))
