"""The models: what serves, what is here, what could be had, and what is on its way."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from agent import pinned, wishes
from agent.bundles.journal import read_record
from agent.bundles.place import Place
from agent.errors import EdgewiseError, InputError
from agent.models.embedder import EMBEDDINGS
from agent.node import Node
from agent.phrase import Phrase
from web import catalogue
from web.catalogue import Wish
from web.page import Form, PageRequest, page
from web.paths import within
from web.person import go_to
from web.shelf import look

_PAGE = "/models"


@get("/models", access="user")
async def show_models(
    request: PageRequest,
    node: NamedDependency[Node],
    show: FromQuery[str] = "runs",
    q: FromQuery[str] = "",
    sort: FromQuery[str] = "best",
) -> Response[str]:
    """Show all models: those that are here, and those of the catalogue that are asked for."""
    return await _show(request, node, Wish(show, q, sort))


@get("/models/progress", access="user")
async def show_progress(request: PageRequest, node: NamedDependency[Node], seen: FromQuery[str] = "") -> Response[str]:
    """Show what is on its way, and the installed models if they have changed since they were `seen`."""
    shelf = look(node)
    return page(request, "models/progress.html", shelf=shelf, changed=bool(seen) and seen != shelf.fingerprint)


@post("/models/use", access="admin")
async def use_model(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str]:
    """Have a model serve from now on, or leave the choice to Edgewise again (`auto`)."""
    wishes.choose(node.config, node.models, data.get("name", ""))
    return go_to(request, within(data["next"]) if "next" in data else f"{_PAGE}#installed")


@post("/models/delete", access="admin", sync_to_thread=True)
def delete_model(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str]:
    """Delete an installed model; the one that serves only when that is confirmed."""
    name = node.models.find(data.get("name", ""), any_kind=True).name
    if name in node.names() and data.get("confirm") != "yes":
        raise InputError(
            Phrase(
                "errors.delete_serving", "{name} answers now. Confirm that it is to be deleted all the same.", name=name
            ),
            field="confirm",
        )
    wishes.remove(node.config, node.models, name)
    return go_to(request, f"{_PAGE}#installed")


@post("/models/verify", access="admin")
async def verify_model(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str]:
    """Compare an installed model's file with its hash, beside everything else."""
    node.downloads.verify(data.get("name", ""))
    return go_to(request, _PAGE)


@post("/models/pull", access="admin")
async def pull_model(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str]:
    """Begin to download a model; one whose licence has conditions only when they are accepted."""
    reference = data.get("reference", "").strip()
    selection = await node.available.look()
    try:
        if not reference:
            raise InputError(Phrase("errors.reference_missing", "Say where the model is."), field="reference")
        if catalogue.conditions(selection, reference) and data.get("accept") != "yes":
            raise InputError(
                Phrase("errors.licence_unaccepted", "This licence has conditions. Accept them to download the model."),
                field="accept",
            )
        download = node.downloads.start(reference, title=catalogue.title(selection, reference))
    except EdgewiseError as error:
        return await _show(request, node, Wish(), error, reference)
    if data.get("then") == "use" and reference != EMBEDDINGS:  # its model cannot chat
        pinned.write(node.config.state_dir, download.becomes)
    return go_to(request, _PAGE)


async def _show(
    request: PageRequest, node: Node, wish: Wish, problem: EdgewiseError | None = None, reference: str = ""
) -> Response[str]:
    selection = await node.available.look()
    known, state = catalogue.rows(selection), node.selection()
    return page(
        request,
        "models.html",
        status=400 if problem else 200,
        shelf=look(node),
        changed=False,
        budget=selection.budget,
        rows=catalogue.matching(known, wish),
        counts={name: sum(row.fit in fits for row in known) for name, fits in catalogue.FILTERS.items()},
        orders=list(catalogue.ORDERS),
        wish=wish,
        recommended=state.selection.model if state else "",
        problem=problem,
        reference=reference,
        updates=read_record(Place(node.config)),
    )


ROUTES = [show_models, show_progress, use_model, delete_model, verify_model, pull_model]
