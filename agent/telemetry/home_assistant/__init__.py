"""Home Assistant: one message from which it makes a device with all its entities, sent whenever it may need it."""

import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from agent.durable import write_atomically
from agent.telemetry.home_assistant.component import Component
from agent.telemetry.home_assistant.components import components
from agent.telemetry.home_assistant.discovery import discovery
from agent.telemetry.message import Incoming, Outgoing
from agent.telemetry.payloads import Birth
from agent.telemetry.topics import Topics

logger = logging.getLogger(__name__)

_FIRST, _LAST = 1.0, 10.0  # seconds after its start, so that a fleet does not answer at once


class HomeAssistant:
    """What Home Assistant is told, and has been told.

    Args:
        prefix: beginning of the topics that it looks at.
        topics: of the device.
        memory: file in which it is kept what there was, so that what there is no more can be removed; None: nowhere.
        draw: returns a number between two, evenly distributed.
    """

    def __init__(
        self,
        prefix: str,
        topics: Topics,
        memory: Path | None = None,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._prefix, self._topics = prefix, topics
        self._memory, self._draw = memory, draw
        self._told = _read(memory)  # platforms by component

    def subscriptions(self) -> list[str]:
        """Return the topics to listen to."""
        return [f"{self._prefix}/status"]

    def starts(self, message: Incoming) -> bool:
        """Tell whether Home Assistant says that it has started and wants to be told again."""
        return message.topic in self.subscriptions() and message.payload == b"online"

    def patience(self) -> float:
        """Return how many seconds to wait before it is told again."""
        return self._draw(_FIRST, _LAST)

    def introduction(self, birth: Birth, models: Sequence[str], better: str = "") -> Iterator[Outgoing]:
        """Yield what to publish, one after the other; the end is reached when all of it was.

        Args:
            birth: who the device is.
            models: names of the installed ones.
            better: name of the model that would be chosen if the choice was not the owner's; empty: none other.
        """
        now = components(birth, self._topics, models, better)
        platforms = {key: component.platform for key, component in now.items()}
        gone = {key: Component(platform=old) for key, old in self._told.items() if platforms.get(key) != old}
        if gone:  # it removes an entity of which only the platform is named
            yield discovery(self._prefix, self._topics, birth, {**now, **gone})
        yield discovery(self._prefix, self._topics, birth, now)
        self._remember(platforms)

    def removal(self) -> Outgoing:
        """Return the message that removes the device: when it is given away, never at a restart."""
        return discovery(self._prefix, self._topics)

    def _remember(self, platforms: Mapping[str, str]) -> None:
        if platforms == self._told:
            return
        self._told = dict(platforms)
        if self._memory is None:
            return
        try:
            write_atomically(self._memory, msgspec.json.encode(self._told))
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._memory, error.strerror)


def _read(memory: Path | None) -> dict[str, str]:
    try:
        return msgspec.json.decode(memory.read_bytes(), type=dict[str, str]) if memory else {}
    except (OSError, msgspec.DecodeError):
        return {}
