"""The model that the user has chosen on this device; it holds until they change it. One small file."""

import logging
from pathlib import Path

from agent.durable import write_atomically
from agent.errors import ConfigError
from agent.phrase import Phrase

logger = logging.getLogger(__name__)


def read(state_dir: Path) -> str:
    """Return the name of the installed model that the user wants; empty when the choice is left to us."""
    try:
        return _path(state_dir).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        logger.warning("The chosen model in %s cannot be read: %s", _path(state_dir), error)
        return ""


def write(state_dir: Path, name: str) -> None:
    """Remember a choice, or with an empty name forget it.

    Raises:
        ConfigError: the disk is full, or the directory cannot be written to.
    """
    try:
        if name:
            state_dir.mkdir(parents=True, exist_ok=True)
            write_atomically(_path(state_dir), f"{name}\n".encode())
        else:
            _path(state_dir).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(
            Phrase(
                "errors.choice_not_kept",
                "The choice cannot be kept in {place}: {reason}.",
                place=_path(state_dir),
                reason=error.strerror,
            ),
            hint=Phrase("errors.choice_not_kept_hint", "Free some space there, or give another --state-dir."),
        ) from error


def _path(state_dir: Path) -> Path:
    return state_dir / "chosen-model"
