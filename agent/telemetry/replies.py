"""Sends answers. One that finds no connection goes out with the next."""

import logging

from agent.errors import LinkDownError, RefusedError
from agent.telemetry.answers import outgoing
from agent.telemetry.link import Publisher
from agent.telemetry.message import Outgoing
from agent.telemetry.payloads import Response

logger = logging.getLogger(__name__)

_MOST = 100  # that wait for a connection


class Replies:
    """Answers on their way to whoever has asked."""

    def __init__(self) -> None:
        self._publisher: Publisher | None = None
        self._unsent: list[tuple[Outgoing, str]] = []

    def use(self, publisher: Publisher) -> None:
        """Send over this connection from now on."""
        self._publisher = publisher

    async def send(self, response: Response, topic: str, correlation: bytes, usual: str) -> None:
        """Send an answer.

        Args:
            response: the answer.
            topic: where whoever has asked wants it.
            correlation: their mark.
            usual: where it goes if the broker does not let this device publish there.
        """
        await self._send(outgoing(topic, correlation, response), usual, keep=response.status != "progress")

    async def flush(self) -> None:
        """Send what has waited for a connection."""
        waiting, self._unsent = self._unsent, []
        for message, usual in waiting:
            await self._send(message, usual, keep=True)

    async def _send(self, message: Outgoing, usual: str, *, keep: bool) -> None:
        try:
            await self._publish(message)
        except LinkDownError:
            if keep:
                self._unsent = [*self._unsent, (message, usual)][-_MOST:]
        except RefusedError as error:
            logger.warning("The broker does not take an answer on %r: %s", message.topic, error)
            if message.topic != usual:
                await self._send(Outgoing(usual, message.payload, correlation=message.correlation), usual, keep=keep)

    async def _publish(self, message: Outgoing) -> None:
        if self._publisher is None:
            raise LinkDownError("There is no connection yet.")
        await self._publisher.publish(message)
