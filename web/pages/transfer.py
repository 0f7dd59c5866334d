"""Conversations as files: saved from here, and brought here from elsewhere."""

from typing import Any
from urllib.parse import quote

from litestar import MediaType, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from agent.chat.exporting import export_all, export_one
from agent.chat.transfer import LARGEST
from agent.errors import InputError
from agent.node import Node
from agent.phrase import Phrase
from web.page import PageRequest
from web.person import go_to, person

_MAX_BODY = LARGEST + 64 * 1024  # the form around the file


@get("/c/{conversation_id:str}/export.md", access="guest")
async def export_markdown(
    request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]
) -> Response[bytes]:
    """Save a conversation as people read it."""
    return await _file(request, node, conversation_id, "markdown")


@get("/c/{conversation_id:str}/export.json", access="guest")
async def export_json(
    request: PageRequest, node: NamedDependency[Node], conversation_id: FromPath[str]
) -> Response[bytes]:
    """Save a conversation with everything that is known of it."""
    return await _file(request, node, conversation_id, "edgewise")


@get("/export.json", access="guest")
async def export_everything(request: PageRequest, node: NamedDependency[Node]) -> Stream:
    """Save all conversations of a person."""
    pieces = export_all(node.store, person(request).user_id)
    headers = {"Content-Disposition": 'attachment; filename="edgewise.json"'}
    return Stream(pieces, media_type=MediaType.JSON, headers=headers)


@post("/import", access="guest", status_code=200, request_max_body_size=_MAX_BODY)
async def bring(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Keep the conversations of a file: our own, or of ChatGPT or Open WebUI."""
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise InputError(Phrase("errors.no_file_chosen", "No file was chosen."), field="file")
    number = await node.chat.bring(person(request).user_id, await file.read())
    return go_to(request, f"/?imported={number}")


async def _file(request: PageRequest, node: Node, conversation_id: str, form: str) -> Response[bytes]:
    file = await export_one(node.store, person(request).user_id, conversation_id, form)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"}
    return Response(file.content, media_type=file.media_type, headers=headers)


ROUTES: list[Any] = [export_markdown, export_json, export_everything, bring]
