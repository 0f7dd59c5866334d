"""Claiming: whoever has the one-time code becomes the owner."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from agent.certificate import certificate
from agent.errors import InputError, TooManyTriesError
from agent.node import Node
from web.door.signing_in import address_of, signed_in
from web.page import PageRequest, page, translator
from web.paths import MOST_OF_STRANGERS
from web.person import go_to

_SETUP = "/setup"


class ClaimForm(msgspec.Struct, frozen=True):
    """The form."""

    code: str = ""
    name: str = ""
    password: str = ""


@get("/claim", access="public")
async def show_claim(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Ask for the code, which the address may have, and for the owner's name and password."""
    if node.config.auth == "open" or await node.security.claim.claimed():
        return go_to(request, "/login")
    return _form(request, node, ClaimForm(code=request.query_params.get("code", "")))


@post("/claim", access="public", request_max_body_size=MOST_OF_STRANGERS)
async def claim(
    request: PageRequest,
    node: NamedDependency[Node],
    data: Annotated[ClaimForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[str]:
    """Make the first admin, who is signed in at once and sets the device up."""
    agent, address = request.headers.get("user-agent", ""), address_of(request)
    try:
        token, _ = await node.security.claim_device(data.code, data.name, data.password, agent=agent, address=address)
    except InputError as error:
        return _form(request, node, data, status=400, errors={error.field: await _words(request, node, error.field)})
    except TooManyTriesError as error:
        text = translator(request)("claim.too_many", n=error.retry_after)
        return _form(request, node, data, status=429, errors={"": text})
    return signed_in(request, node, token, _SETUP)


async def _words(request: PageRequest, node: Node, field: str) -> str:
    """Return what is wrong with a field, in the language of whoever has filled it in."""
    t = translator(request)
    if field == "code" and await node.security.claim.code() is None:
        return t("claim.code_expired")
    return {"code": t("claim.code_wrong"), "name": t("claim.name_wrong")}.get(field) or t("claim.password_wrong")


def _form(
    request: PageRequest,
    node: Node,
    data: ClaimForm,
    *,
    status: int = 200,
    errors: dict[str, str] | None = None,
) -> Response[str]:
    ours = certificate(node.config)
    return page(
        request,
        "claim.html",
        status=status,
        code=data.code,
        name=data.name,
        errors=errors or {},
        lost=node.upkeep.recovered is not None and node.upkeep.recovered.origin == "empty",
        fingerprint=ours.fingerprint() if ours else "",
    )


ROUTES = [show_claim, claim]
