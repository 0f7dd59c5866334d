"""The configuration file with which the daemon has started before, for the day on which somebody damages it."""

import logging
from pathlib import Path

from agent.config import Resolved
from agent.durable import write_atomically

logger = logging.getLogger(__name__)

_NAME = "config.kept.toml"


def kept(state_dir: Path) -> Path | None:
    """Return the file that is kept; None if there is none."""
    path = state_dir / _NAME
    return path if path.is_file() else None


def keep(resolved: Resolved) -> None:
    """Keep the file of a configuration with which the daemon has started."""
    path = resolved.config.state_dir / _NAME
    try:
        if resolved.file is None:
            path.unlink(missing_ok=True)
        elif (text := resolved.file.read_bytes()) != (path.read_bytes() if path.is_file() else None):
            write_atomically(path, text)
    except OSError as error:  # it is wanted on a bad day, which this is not
        logger.info("The configuration file is not kept: %s", error)
