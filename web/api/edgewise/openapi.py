"""`GET /api/edgewise/openapi.json`: what programs may ask, and what they are answered."""

from functools import cache
from typing import Any

import msgspec
from litestar import Response, get
from litestar.enums import MediaType

from web.api.edgewise.describing import describe
from web.api.edgewise.operations import OPERATIONS, Operation


@get("/api/edgewise/openapi.json", access="key:chat", sync_to_thread=False)
def show_document() -> Response[bytes]:
    """Return this document, in the words of OpenAPI 3.1."""
    return Response(_document(), media_type=MediaType.JSON)


@cache
def _document() -> bytes:
    return msgspec.json.encode(describe([*OPERATIONS, Operation(show_document, dict[str, Any])]))


ROUTES = [show_document]
