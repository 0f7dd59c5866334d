"""Large files that are sent to us: read as they come, by somebody in a thread, never kept whole anywhere."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from agent.errors import InputError
from agent.phrase import Phrase

_LONGEST_FIELD = 4096  # bytes


class Incoming:
    """What arrives, for a reader in another thread; who sends faster than it is read has to wait."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._loop = asyncio.get_running_loop()
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return at most so many bytes, none at the end. Not to be called in the thread of the event loop."""
        while not self._rest:
            chunk = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)

    async def drain(self, seconds: float) -> None:
        """Take what is still on its way, for so long: browsers show an answer only when they have sent all."""
        try:
            async with asyncio.timeout(seconds):
                while await self._next() is not None:
                    pass
        except (TimeoutError, InputError):
            return

    async def _next(self) -> bytes | None:
        return await anext(self._chunks, None)


async def form_with_file(request: Request[Any, Any, Any]) -> tuple[dict[str, str], AsyncIterator[bytes]]:
    """Return the fields of a form that stand before its file, and the content of the file, which is yet to come.

    Raises:
        InputError: the form cannot be read, or a field is too long.
    """
    fields: dict[str, str] = {}
    name, events = "", _events(request)
    async for event in events:
        if isinstance(event, MultipartSegment):
            name = event.name
            if event.filename is not None:
                return fields, _content(events)
        elif event is not None:
            fields[name] = fields.get(name, "") + event.decode(errors="replace")
            if len(fields[name]) > _LONGEST_FIELD:
                raise _unreadable()
    return fields, _content(events)


async def _content(events: AsyncIterator[MultipartSegment | bytes | None]) -> AsyncIterator[bytes]:
    async for event in events:
        if event is None:  # the end of the file; what follows does not matter
            break
        if isinstance(event, bytes):
            yield event
    async for _ in events:
        pass


async def _events(request: Request[Any, Any, Any]) -> AsyncIterator[MultipartSegment | bytes | None]:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        return
    try:
        with PushMultipartParser(options["boundary"]) as parser:
            async for chunk in request.stream():
                for event in parser.parse(chunk):
                    yield event if event is None or isinstance(event, MultipartSegment) else bytes(event)
    except (MultipartError, ValueError) as error:
        raise _unreadable() from error


def _unreadable() -> InputError:
    return InputError(Phrase("bundles.no_upload", "The form with the file did not arrive whole."), field="file")
