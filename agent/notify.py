"""What a service says to systemd: datagrams to the socket that it names (sd_notify(3))."""

import logging
import socket
from dataclasses import dataclass

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Supervision:
    """What systemd says to a service.

    Attributes:
        address: of the socket for messages; empty when nobody listens. `@` begins an abstract one.
        watchdog: seconds without a ping after which the service is restarted; 0: never.
    """

    address: str = ""
    watchdog: float = 0.0


class Notifier:
    """Sends messages; without an address it says nothing."""

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def send(self, **variables: str | int) -> None:
        """Send variables such as `READY=1` in one message; whoever cannot be told is not waited for."""
        if not self._address:
            return
        text = "\n".join(f"{name}={' '.join(str(value).split())}" for name, value in variables.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
                wire.setblocking(False)  # noqa: FBT003 - the standard library's signature
                wire.sendto(text.encode(), self._address)
        except OSError as error:  # systemd is being restarted, or its queue is full
            logger.warning("systemd cannot be told %s: %s", ", ".join(variables), error)
