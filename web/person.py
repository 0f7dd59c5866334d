"""Who looks at a page, and where they are sent next."""

from litestar import Response
from litestar.response import Redirect
from litestar.status_codes import HTTP_303_SEE_OTHER

from agent.errors import SignInError
from agent.security.identity import Identity
from web.page import PageRequest, wants_fragment


def person(request: PageRequest) -> Identity:
    """Return who asks, on pages that the guard opens only to people.

    Raises:
        SignInError: nobody is signed in; the guard has let through what it should not.
    """
    if request.user is None:
        raise SignInError("Nobody is signed in.")
    return request.user


def go_to(request: PageRequest, address: str) -> Response[str]:
    """Send the browser to another page, after a form or a request of htmx."""
    if wants_fragment(request):
        return Response("", headers={"HX-Redirect": address}, status_code=200)
    return Redirect(address, status_code=HTTP_303_SEE_OTHER)
