"""`/api/edgewise/models`: what is installed, what could be had, what is on its way; pull, pause, use, delete."""

from typing import Any

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from agent import wishes
from agent.downloads import Download
from agent.embeddings.listing import EmbeddingModel
from agent.errors import ForbiddenError, InputError
from agent.models import InstalledModel
from agent.models.sources import find_source
from agent.node import Node
from agent.security.identity import Identity
from agent.selection import Considered
from web import catalogue

_PATH = "/api/edgewise/models"


class Models(msgspec.Struct, frozen=True):
    """The answer to `GET`.

    Attributes:
        serving: name of the installed model that answers now; empty while none does.
        wanted: name of the model that somebody has chosen; empty when the choice is Edgewise's.
        installed: those that can chat, by name.
        available: the best file of each model that is not installed, best first, whatever its licence.
        downloads: that people have started, oldest first.
        embeddings: models that make embeddings, also the usual one while it is not here.
    """

    serving: str
    wanted: str
    installed: list[InstalledModel]
    available: list[Considered]
    downloads: list[Download]
    embeddings: list[EmbeddingModel]


class Pull(msgspec.Struct, frozen=True):
    """What to install: a reference as for `edgewise models pull`, under which name, whether its licence is accepted."""

    reference: str
    name: str = ""
    accept_licence: bool = False


class Use(msgspec.Struct, frozen=True):
    """Name of the installed model that is to serve, or `auto`."""

    name: str


@get(_PATH, access="key:models")
async def show_models(node: NamedDependency[Node]) -> Models:
    """Return everything about the models."""
    state, selection = node.selection(), await node.available.look()
    return Models(
        serving=next(iter(node.names()), ""),
        wanted=state.wanted if state else "",
        installed=node.models.installed(),
        available=[_considered(row.entry) for row in catalogue.rows(selection)],
        downloads=node.downloads.all(),
        embeddings=node.embeddings.models(),
    )


@post(f"{_PATH}/pull", access="key:models", status_code=202)
async def pull_model(
    request: Request[Identity | None, Any, Any], node: NamedDependency[Node], data: JSONBody[Pull]
) -> Download:
    """Begin to install a model, or go on with that."""
    _require_source(request.user, data.reference)
    selection = await node.available.look()
    if (conditions := catalogue.conditions(selection, data.reference)) and not data.accept_licence:
        raise InputError(
            f"The licence has conditions: {conditions}", field="accept_licence", hint="Accept it with `accept_licence`."
        )
    return node.downloads.start(data.reference, data.name, catalogue.title(selection, data.reference))


@post(f"{_PATH}/{{download:str}}/pause", access="key:models", status_code=200)
async def pause_download(node: NamedDependency[Node], download: FromPath[str]) -> Download:
    """Stop a download for now; what has arrived is kept."""
    return node.downloads.pause(download)


@post(f"{_PATH}/{{download:str}}/resume", access="key:models", status_code=200)
async def resume_download(node: NamedDependency[Node], download: FromPath[str]) -> Download:
    """Go on with a download that is paused or has failed."""
    return node.downloads.resume(download)


@post(f"{_PATH}/{{download:str}}/cancel", access="key:models", status_code=204)
async def cancel_download(node: NamedDependency[Node], download: FromPath[str]) -> None:
    """Take a download off the list, and delete what has arrived of it."""
    await wishes.cancel(node.config, node.downloads, download)


@post(f"{_PATH}/use", access="key:models", status_code=200)
async def use_model(node: NamedDependency[Node], data: JSONBody[Use]) -> Use:
    """Have a model serve from the next quiet moment on; returns its full name."""
    return Use(wishes.choose(node.config, node.models, data.name) or wishes.AUTO)


@delete(f"{_PATH}/{{name:str}}", access="key:models", status_code=204, sync_to_thread=True)
def delete_model(node: NamedDependency[Node], name: FromPath[str]) -> None:
    """Delete an installed model, or what a download has left of it."""
    wishes.remove(node.config, node.models, name)


def _require_source(identity: Identity | None, reference: str) -> None:
    """Leave files and addresses to admins: what cannot be read there would still be told from what does not exist.

    Raises:
        ForbiddenError: somebody else names one.
        ModelError: the reference is of no known form.
    """
    if find_source(reference).ANYWHERE and not (identity and identity.has_scope("admin")):
        raise ForbiddenError(
            "To install a model from a file or an address needs a key with the scope admin.",
            hint="Models of the hub are open to this one: `hf:owner/repo`.",
        )


def _considered(entry: Considered) -> Considered:
    """Return an entry without what only the choice has: everything that was not chosen."""
    return Considered(**{name: getattr(entry, name) for name in Considered.__struct_fields__})


ROUTES = [show_models, pull_model, pause_download, resume_download, cancel_download, use_model, delete_model]
