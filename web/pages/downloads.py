"""Pause, resume and cancel what is on its way; see the page of the models."""

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from agent import wishes
from agent.errors import NotFoundError
from agent.models import TransferControl
from agent.node import Node
from agent.phrase import Phrase
from web.page import PageRequest, page, wants_fragment
from web.person import go_to
from web.shelf import look

_OWN = "own"
"""Instead of an id: what Edgewise itself is fetching."""


@post("/models/downloads/{download:str}/pause", access="admin")
async def pause_download(request: PageRequest, node: NamedDependency[Node], download: FromPath[str]) -> Response[str]:
    """Stop a download for now; what has arrived is kept."""
    if download == _OWN:
        _own_transfer(node).pause()
    else:
        node.downloads.pause(download)
    return _done(request, node)


@post("/models/downloads/{download:str}/resume", access="admin")
async def resume_download(request: PageRequest, node: NamedDependency[Node], download: FromPath[str]) -> Response[str]:
    """Go on with a download that is paused or has failed."""
    if download == _OWN:
        _own_transfer(node).resume()
    else:
        node.downloads.resume(download)
    return _done(request, node)


@post("/models/downloads/{download:str}/cancel", access="admin")
async def cancel_download(request: PageRequest, node: NamedDependency[Node], download: FromPath[str]) -> Response[str]:
    """Take a download off the list, and delete what has arrived of it."""
    if download == _OWN:
        raise NotFoundError(
            Phrase("errors.only_pause", "What Edgewise fetches by itself can be paused, not cancelled.")
        )
    await wishes.cancel(node.config, node.downloads, download)
    return _done(request, node)


def _own_transfer(node: Node) -> TransferControl:
    """Return the handle on what Edgewise itself is fetching."""
    if node.coming is None:
        raise NotFoundError(Phrase("errors.fetching_nothing", "Edgewise is fetching nothing at this moment."))
    return node.coming.control


def _done(request: PageRequest, node: Node) -> Response[str]:
    if wants_fragment(request):
        return page(request, "models/progress.html", shelf=look(node), changed=False)
    return go_to(request, "/models")


ROUTES = [pause_download, resume_download, cancel_download]
