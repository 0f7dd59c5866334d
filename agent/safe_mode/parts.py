"""The parts of a node that it can do without: one that fails is told, and the pages come up all the same."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from agent.errors import EdgewiseError
from agent.phrase import Phrase

logger = logging.getLogger(__name__)


class Parts:
    """Remembers, by the name of the part, why it does not work."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}

    @contextmanager
    def optional(self, name: str) -> Iterator[None]:
        """Start a part in the block; whatever goes wrong there ends here."""
        try:
            yield
        except EdgewiseError as error:
            logger.error("%s does not work: %s %s", name, error.message, error.hint)  # noqa: TRY400 - no bug
            self.failures[name] = error.message
        except Exception as error:  # a bug in one part is no reason to be without all the others
            logger.exception("%s does not work", name)
            self.failures[name] = Phrase(
                "safe_mode.part_failed", "{error}; the log says where", error=type(error).__name__
            )
