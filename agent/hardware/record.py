"""Record what the probe reads of this computer, so that its facts can be found again elsewhere, as in a test."""

from pathlib import Path

import msgspec

from agent.errors import ConfigError
from agent.hardware import disk, look, power, pressure
from agent.hardware.cpu import ARCHITECTURE
from agent.hardware.facts import Hardware
from agent.hardware.scrub import scrub
from agent.hardware.storage import RECORDED
from agent.hardware.topology import AFFINITY, affinity
from agent.hardware.tree import Tree


def record(directory: Path, *, root: Path = Path("/"), storage: Path | None = None) -> Hardware:
    """Write what the probe reads below a directory, without what names this computer, and return what it found.

    Args:
        directory: a new or empty one; `probe(directory)` gives the same facts afterwards.
        root: as for `probe`.
        storage: as for `probe`.

    Raises:
        ConfigError: the directory is not empty, or cannot be written.
    """
    tree = Tree(root)
    found = look(tree, storage)
    _look_at_vitals(tree)
    files = dict.fromkeys(tree.found, b"") | scrub(tree)
    files[ARCHITECTURE] = f"{found.cpu.architecture}\n".encode()
    files[AFFINITY] = f"{','.join(map(str, sorted(affinity(tree))))}\n".encode()
    files[RECORDED] = msgspec.json.format(msgspec.json.encode(found.storage)) + b"\n"
    try:
        _write(directory, files)
    except OSError as error:
        raise ConfigError(
            f"Cannot record into {directory}: {error.strerror}.", hint="Name a new directory that you may write."
        ) from error
    return found


def _look_at_vitals(tree: Tree) -> None:
    """Read what is no lasting fact, so that it is recorded too."""
    pressure.find(tree)
    power.find(tree, power.sources(tree))
    disk.worn(tree)


def _write(directory: Path, files: dict[str, bytes]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise ConfigError(f"{directory} is not empty.", hint="Name a new directory to record into.")
    # Deepest first: something whose mere existence counts may be the directory of a file.
    for path, data in sorted(files.items(), key=lambda item: -item[0].count("/")):
        place = directory / path
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
