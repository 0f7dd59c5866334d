"""Lines of the log on their way to the hub: only severe ones, only if asked for, and only so many."""

import asyncio
import logging
import time
from collections.abc import Callable

_LONGEST = 1000  # characters of one line
_BURST, _PER_SECOND = (
    20.0,
    0.2,
)  # lines at once, and then one every five seconds: a loop of errors must not fill the outbox
_OWN = ("agent.telemetry", "paho")  # what sending says about itself would be sent, and so on


class Shipper(logging.Handler):
    """A handler that passes lines on to the event loop, from whatever thread they come.

    Attributes:
        suppressed: how many lines were too many.
    """

    def __init__(
        self, level: int, send: Callable[[str, str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(level)
        self.suppressed = 0
        self._send = send
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._left, self._at = _BURST, clock()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on, without the traceback, which belongs to the log on the device."""
        if record.name.startswith(_OWN):
            return
        if not self._allowed():
            self.suppressed += 1
            return
        text = f"{record.name}: {record.getMessage()}"[:_LONGEST]
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._send, record.levelname.lower(), text)

    def _allowed(self) -> bool:
        """Take from a bucket that fills slowly."""
        now = self._clock()
        self._left = min(_BURST, self._left + (now - self._at) * _PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
