"""When to try again, and when to give up."""

import asyncio
import logging
import random
import time
from dataclasses import dataclass

import httpx

from agent.errors import DownloadError
from agent.models.progress import Meter
from agent.models.settings import TransferSettings
from agent.phrase import Phrase
from agent.units import format_duration

logger = logging.getLogger(__name__)

_LONGEST_DELAY = 60.0
_USB_HINT = Phrase(
    "errors.usb_hint",
    "Bring the model file on a USB stick: `edgewise models pull /media/usb/model.gguf`,"
    " or run it where it is: `edgewise run --model FILE`.",
)


@dataclass(frozen=True)
class Setback:
    """Why an attempt has ended early.

    Attributes:
        reason: a clause for people, such as `host answered 503`.
        retry_after: seconds that the server asks to wait, or None.
        unreachable: there was no connection at all.
    """

    reason: str
    retry_after: float | None = None
    unreachable: bool = False


def setback_of(error: httpx.TransportError, host: str) -> Setback:
    """Return what a failed exchange with `host` means."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return Setback(
            Phrase(
                "errors.unreachable",
                "{host} cannot be reached ({reason})",
                host=host,
                reason=str(error) or Phrase("errors.no_answer", "no answer"),
            ),
            unreachable=True,
        )
    if isinstance(error, httpx.TimeoutException):
        return Setback(Phrase("errors.stopped_sending", "{host} has stopped sending", host=host))
    return Setback(
        Phrase(
            "errors.connection_broke",
            "the connection to {host} broke ({reason})",
            host=host,
            reason=str(error) or type(error).__name__,
        )
    )


def no_network(reason: str) -> DownloadError:
    """Return the error for a model that only a network could bring."""
    return DownloadError(reason, hint=_USB_HINT)


class Patience:
    """Waits between the attempts of one transfer; gives up after a time without progress."""

    def __init__(self, settings: TransferSettings, what: str, meter: Meter) -> None:
        self._settings = settings
        self._what = what
        self._meter = meter
        self._attempts = 0
        self._progress_at = time.monotonic()
        self._any_progress = False

    def progressed(self) -> None:
        """Start counting anew: bytes have arrived."""
        self._attempts = 0
        self._progress_at = time.monotonic()
        self._any_progress = True

    async def wait(self, setback: Setback) -> None:
        """Sleep until the next attempt.

        Raises:
            DownloadError: there is no network at all, or waiting would exceed the patience.
        """
        if setback.unreachable and not self._any_progress:
            reason = setback.reason
            raise no_network(
                Phrase("errors.not_fetched", "{what} cannot be fetched: {reason}.", what=self._what, reason=reason)
            )
        delay = self._delay(setback)
        waited = time.monotonic() - self._progress_at
        if waited + delay > self._settings.patience:
            raise DownloadError(
                Phrase(
                    "errors.no_progress",
                    "{what} cannot be fetched: {reason}; no progress for {waited_for} "
                    "and the next attempt is {delay_for} away.",
                    what=self._what,
                    reason=setback.reason,
                    waited_for=format_duration(waited),
                    delay_for=format_duration(delay),
                ),
                hint=Phrase("errors.no_progress_hint", "Try again later; what has arrived is kept."),
            )
        logger.info("%s: %s; next attempt in %.1f s", self._what, setback.reason, delay)
        self._meter.hold("waiting")
        await asyncio.sleep(delay)

    def _delay(self, setback: Setback) -> float:
        self._attempts += 1
        if setback.retry_after is not None:
            return setback.retry_after
        delay = min(_LONGEST_DELAY, self._settings.backoff * 2.0 ** (self._attempts - 1))
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads a fleet's attempts, hides nothing
