"""Forms with files, as browsers write them: in UTF-8, whatever a part says of itself."""

from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

from litestar import Request
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import Empty
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from agent.errors import InputError
from agent.phrase import Phrase

_MOST_PARTS = 1000
_MOST_TEXT = 8 << 20  # bytes of a form without files, which is read into memory, also where files may be larger
_Fields = dict[str, list[str | UploadFile]]


class FormRequest(Request[Any, Any, Any]):
    """A request whose parts are not decoded as they wish: one of the codecs of Python takes hours for a few MB."""

    async def form(self) -> FormMultiDict:
        """Return the fields of the form; of one that is no form, none.

        Raises:
            InputError: it did not arrive whole, or has too many parts.
            RequestEntityTooLarge: it is too large.
        """
        kind, options = self.content_type
        if kind == RequestEncodingType.URL_ENCODED and self._body is Empty:
            self._body = self._connection_state.body = await _text(self.stream())
        if kind == RequestEncodingType.MULTI_PART and self._connection_state.form is Empty:
            # litestar closes the files that it finds there when the request has been answered
            self._connection_state.form = await _read(self.stream(), options.get("boundary", ""))
        return await super().form()


async def _text(stream: AsyncIterator[bytes]) -> bytes:
    body = bytearray()
    async for chunk in stream:
        body += chunk
        if len(body) > _MOST_TEXT:
            raise RequestEntityTooLarge
    return bytes(body)


async def _read(stream: AsyncIterator[bytes], boundary: str) -> dict[str, Any]:
    fields: _Fields = defaultdict(list)
    try:
        await _fill(fields, stream, boundary)
    except BaseException as error:
        for file in (value for values in fields.values() for value in values if isinstance(value, UploadFile)):
            await file.close()
        if isinstance(error, MultipartError | ValueError):
            raise InputError(Phrase("bundles.no_upload", "The form with the file did not arrive whole.")) from error
        raise
    return {name: values if len(values) > 1 else values[0] for name, values in fields.items() if values}


async def _fill(fields: _Fields, stream: AsyncIterator[bytes], boundary: str) -> None:
    """Add the parts as they come; a file is there from its beginning, so that it will be closed.

    Raises:
        MultipartError: the form is broken.
        ValueError: there is no boundary.
    """
    text, file = bytearray(), None
    segment: MultipartSegment | None = None
    with PushMultipartParser(boundary.encode(), max_segment_count=_MOST_PARTS) as parser:
        async for chunk in stream:
            for event in parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    segment, text, file = event, bytearray(), _file(event)
                    fields[event.name] += [file] if file else []
                elif event is None and file:
                    await file.seek(0)
                elif event is None and segment:
                    fields[segment.name].append(text.decode(errors="replace"))
                elif file:
                    await file.write(bytes(event))
                else:
                    text += event


def _file(segment: MultipartSegment) -> UploadFile | None:
    if not segment.filename:
        return None
    kind = segment.content_type or "text/plain"
    return UploadFile(content_type=kind, filename=segment.filename, headers=dict(segment.headerlist))
