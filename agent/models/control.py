"""The handle by which someone else pauses, resumes or cancels a transfer."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agent.errors import DownloadError
from agent.models.streams import until_done
from agent.phrase import Phrase

T = TypeVar("T")


class TransferControl:
    """Pauses, resumes or cancels one transfer; to be used from the event loop it runs in."""

    def __init__(self) -> None:
        self.paused = False
        self.cancelled = False
        self._changed = asyncio.Event()

    def pause(self) -> None:
        """Stop, and keep what has arrived until `resume`."""
        self.paused = True
        self._changed.set()

    def resume(self) -> None:
        """Go on where `pause` has stopped."""
        if self.paused:
            self.paused = False
            self._changed.set()

    def cancel(self) -> None:
        """Stop for good, and delete what has arrived."""
        self.cancelled = True
        self._changed.set()

    async def supervise(
        self, work: Callable[[], Coroutine[Any, Any, T]], *, on_pause: Callable[[], None], what: str
    ) -> T:
        """Run `work`, stop it at each pause and start it afresh at each resume; return its result.

        `work` must be able to go on from what an earlier, cancelled run of it has left.

        Raises:
            DownloadError: the transfer of `what` was cancelled.
        """
        while not self.cancelled:
            self._changed.clear()
            if self.paused:
                on_pause()
                await self._changed.wait()
                continue
            task = asyncio.create_task(work(), name=f"pull {what}")
            if await self._finished(task):
                return task.result()
        raise DownloadError(
            Phrase(
                "errors.download_cancelled",
                "The download of {what} was cancelled; what had arrived was deleted.",
                what=what,
            )
        )

    async def _finished(self, task: "asyncio.Task[T]") -> bool:
        """Wait for the task or for a change of mind, whichever is first."""
        change = asyncio.create_task(self._changed.wait(), name="transfer control")
        try:
            await asyncio.wait({task, change}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()
            if not task.done():
                task.cancel()
                await until_done(task)
        return not task.cancelled()
