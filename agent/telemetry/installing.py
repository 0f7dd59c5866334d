"""Installing a model that somebody has named over MQTT, and following how far it is."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import msgspec

from agent.downloads import Download
from agent.errors import DownloadError, ForbiddenError, ModelNotFoundError, NoRoomError, NotFoundError
from agent.models.progress import describe
from agent.models.sources import find_source
from agent.selection import Considered
from agent.telemetry.host import Host

_LOOK = 0.25  # seconds between two looks
_SECONDS, _SHARE = 5.0, 0.05  # at least between two words about a download

Tell = Callable[[str, object], Awaitable[None]]
"""Is told how far something is: in words, and in figures."""


class Arrived(msgspec.Struct, frozen=True):
    """How much of a model is here: bytes, of `total` where that is known."""

    done: int
    total: int | None


def installed_name(host: Host, name: str) -> str:
    """Return the full name of an installed model; empty when it is not installed."""
    try:
        return host.models.find(name).name
    except ModelNotFoundError:
        return ""


def require_room(entry: Considered | None) -> None:
    """Refuse a model that has no room here.

    Raises:
        NoRoomError: says how much it needs, and how much there is.
    """
    if entry is not None and entry.verdict == "large":
        raise NoRoomError(f"There is no room for {entry.title}: {entry.reason}.")


async def considered(host: Host, reference: str) -> Considered | None:
    """Return what selection says of a model: by reference, by name in the catalogue, or as `NAME:QUANTIZATION`.

    Of several files of one model the best counts.
    """
    name, _, quantization = reference.lower().partition(":")
    for entry in (await host.available.look()).considered:
        if reference in {entry.file, entry.installed}:
            return entry
        if entry.model.lower() == name and quantization in {"", entry.quantization.lower()}:
            return entry
    return None


async def install(host: Host, reference: str, name: str, tell: Tell, *, accept_licence: bool) -> str:
    """Have a model installed, and return its name.

    Args:
        host: the device.
        reference: as for `edgewise models pull`, or a name in the catalogue.
        name: under which to install it; empty: as follows from its file.
        tell: is told how far it is.
        accept_licence: its licence may have conditions.

    Raises:
        ForbiddenError: it is not on a host of the settings, or its licence has conditions.
        NoRoomError: it does not fit.
        ModelError: it cannot be had.
    """
    entry = await considered(host, reference)
    if entry is not None and entry.installed and not name:
        return entry.installed
    if entry is None and find_source(reference).ANYWHERE:
        raise ForbiddenError(
            "Files and addresses of any kind are not installed over MQTT.", hint="Name a model of a hub: hf:owner/repo."
        )
    if entry is not None and entry.restrictions and not accept_licence and host.config.licences == "free":
        raise ForbiddenError(
            f"The licence of {entry.title} has conditions: {entry.restrictions}",
            hint='Accept it with "accept_licence": true.',
        )
    require_room(entry)
    download = host.downloads.start(entry.file if entry else reference, name, entry.title if entry else "")
    return await _follow(host, download, tell)


async def _follow(host: Host, download: Download, tell: Tell) -> str:
    told, at = 0.0, monotonic()
    while download.state not in {"done", "failed"}:
        await asyncio.sleep(_LOOK)
        _require_listed(host, download)
        progress = download.progress
        share = progress.done / progress.total if progress and progress.total else 0.0
        if progress and monotonic() - at >= _SECONDS and abs(share - told) >= _SHARE:
            told, at = share, monotonic()
            await tell(f"{download.title}: {describe(progress)}.", Arrived(progress.done, progress.total))
    if download.state == "failed":
        raise DownloadError(download.error, hint=download.hint)
    return download.installed


def _require_listed(host: Host, download: Download) -> None:
    try:
        host.downloads.find(download.id)
    except NotFoundError as error:
        raise DownloadError("Somebody has cancelled the download on the device.") from error
