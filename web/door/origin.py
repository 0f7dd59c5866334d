"""The page that a request comes from: only pages of ours may send any.

A browser names it in `Origin`, with every request that changes something and every one from a script. Where that is
missing, `Referer` tells the same.
"""

from urllib.parse import urlsplit

from litestar.datastructures import Headers

from agent.errors import ForbiddenError
from agent.phrase import Phrase
from web.door.host import Host, parse

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_origin(method: str, scheme: str, headers: Headers, host: Host) -> None:
    """Refuse what a page of somebody else has sent.

    Args:
        method: of the request.
        scheme: of our side of the connection, `http` or `https`.
        headers: of the request.
        host: as the request names us.

    Raises:
        ForbiddenError: the request comes from elsewhere, or from a page that hides where it is from.
    """
    pages = headers.getall("origin", [])
    if not pages and method not in SAFE_METHODS:
        pages = headers.getall("referer", [])
    for page in pages:
        if not _is_ours(page, scheme, host):
            raise ForbiddenError(
                Phrase("errors.foreign_page", "Pages of {page!r} may not use this device.", page=page.split("?")[0]),
                hint=Phrase(
                    "errors.foreign_page_hint",
                    "A reverse proxy must pass the Host header on as it came, with its port.",
                ),
            )


def _is_ours(page: str, scheme: str, host: Host) -> bool:
    try:
        parts = urlsplit(page)
    except ValueError:
        return False
    # An unencrypted page may be forged on its way. The other direction is a reverse proxy that encrypts for us.
    schemes = {"https"} if scheme == "https" else {"http", "https"}
    return parts.scheme in schemes and parse(parts.netloc) == host
