"""Execution providers of ONNX Runtime on this computer: found, and believed only after each has computed a token.

The lists that ONNX Runtime gives say what was compiled into it and what hardware a library has seen; neither says that
drivers, versions and memory go together. So one token of a tiny decoder is computed on each, in a process of its own
with a time limit: a driver that crashes or hangs is a provider that cannot be used, and no more.
"""

import importlib.util
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from agent.durable import write_atomically
from agent.errors import EngineError
from agent.providers.asking import ask
from agent.providers.found import Device, Provider
from agent.providers.frames import Look, Try

__all__ = ["Device", "Provider", "find", "kept"]

logger = logging.getLogger(__name__)

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class _Kept(msgspec.Struct, frozen=True):
    circumstances: str
    providers: list[Provider]


def kept(state_dir: Path, libraries: Sequence[Path]) -> list[Provider] | None:
    """Return what was found with this build of ONNX Runtime and these libraries since the computer was started.

    None when that is not known; an empty list when ONNX Runtime is not installed.
    """
    circumstances = _circumstances(libraries)
    if not circumstances:
        return []
    try:
        known = msgspec.json.decode(_path(state_dir).read_bytes(), type=_Kept)
    except (OSError, msgspec.MsgspecError):
        return None
    return known.providers if known.circumstances == circumstances else None


async def find(state_dir: Path, libraries: Sequence[Path], environment: Mapping[str, str]) -> list[Provider]:
    """Look for providers and try each; what is found is kept.

    Args:
        state_dir: where it is kept, if it is there.
        libraries: plug-ins with more providers.
        environment: of the processes in which they are looked for and tried.
    """
    circumstances = _circumstances(libraries)
    if not circumstances:
        return []
    found: list[Provider] = []
    for library in ("", *map(str, libraries)):
        found += await _of(library, environment)
    _keep(state_dir, _Kept(circumstances, found))
    return found


def _keep(state_dir: Path, found: _Kept) -> None:
    try:
        if state_dir.is_dir():
            write_atomically(_path(state_dir), msgspec.json.format(msgspec.json.encode(found)))
    except OSError as error:  # they are looked for again at the next start
        logger.warning("The execution providers cannot be written to %s: %s", _path(state_dir), error)


async def _of(library: str, environment: Mapping[str, str]) -> list[Provider]:
    """Return the tried providers of a plug-in library, or of ONNX Runtime itself."""
    try:
        listed = (await ask(Look(library), environment)).providers
    except EngineError as error:
        return [Provider(Path(library).name or "cpu", library=library, reason=error.message)]
    return [await _tried(provider, environment) for provider in listed]


async def _tried(provider: Provider, environment: Mapping[str, str]) -> Provider:
    if provider.name == "cpu":  # done already: what lists providers runs on it
        return provider
    try:
        reason = (await ask(Try(provider.name, provider.library), environment)).reason
    except EngineError as error:
        reason = error.message
    return msgspec.structs.replace(provider, reason=reason)


def _circumstances(libraries: Sequence[Path]) -> str:
    """Return a text that changes with all on which it depends; empty without ONNX Runtime."""
    package = importlib.util.find_spec("onnxruntime")
    if package is None or package.origin is None:
        return ""
    files = (Path(package.origin), *libraries)
    try:
        boot = _BOOT.read_text().strip()  # drivers change with it, or with a look that somebody asks for
    except OSError:
        boot = ""
    return " · ".join((boot, *map(_identity, files)))


def _identity(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return f"{path} missing"
    return f"{path} {stat.st_size} {stat.st_mtime_ns}"


def _path(state_dir: Path) -> Path:
    return state_dir / "providers.json"
