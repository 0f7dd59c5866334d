"""A file at an address: `https://host/model.gguf`, with `#sha256=…` when its hash is known.

Plain http is accepted with a hash, or from this computer itself: nobody on the way can then swap the file.
"""

import ipaddress
import re
import urllib.parse

import httpx

from agent.errors import ModelError
from agent.models.files import SourceFile
from agent.models.names import model_name, safe_filename
from agent.models.settings import SourceSettings
from agent.models.transport import Http
from agent.phrase import Phrase

REMOTE = True
ANYWHERE = True

_FRAGMENT = re.compile(r"sha256=([0-9a-fA-F]{64})")


def accepts(reference: str) -> bool:
    """Tell whether `reference` is a web address."""
    return reference.startswith(("https://", "http://"))


async def resolve(reference: str, settings: SourceSettings, http: Http) -> SourceFile:
    """Return the file at the address; no host is asked yet.

    Raises:
        ModelError: the address is malformed or not safe.
    """
    del settings, http
    url = _parse(reference)
    sha256 = _sha256(url)
    if url.scheme == "http" and sha256 is None and not _is_this_computer(url.host):
        raise ModelError(
            Phrase(
                "errors.unprotected",
                "{reference} would come unprotected from {host}.",
                reference=reference,
                host=url.host,
            ),
            hint=Phrase(
                "errors.unprotected_hint", "Use https, or add the expected hash: `#sha256=` and 64 hex digits."
            ),
        )
    filename = urllib.parse.unquote(url.path).rsplit("/", 1)[-1]
    return SourceFile(
        reference=reference,
        name=model_name(filename),
        filename=safe_filename(filename),
        url=str(url.copy_with(fragment=None)),
        sha256=sha256,
    )


def _parse(reference: str) -> httpx.URL:
    try:
        url = httpx.URL(reference)
    except httpx.InvalidURL as error:
        raise ModelError(
            Phrase("errors.no_address", "{reference!r} is not an address: {error}.", reference=reference, error=error)
        ) from error
    if not url.host or not url.path.endswith(".gguf"):
        raise ModelError(
            Phrase("errors.no_file_name", "{reference} does not end in the name of a model file.", reference=reference),
            hint=Phrase("errors.no_file_name_hint", "The path must end in `.gguf`."),
        )
    if url.userinfo:
        raise ModelError(
            Phrase(
                "errors.password_in_address",
                "The address at {host} holds a password, which would end up in lists and logs.",
                host=url.host,
            ),
            hint=Phrase("errors.password_in_address_hint", "Fetch the file by other means and pull it from its path."),
        )
    return url


def _sha256(url: httpx.URL) -> str | None:
    if not url.fragment:
        return None
    match = _FRAGMENT.fullmatch(url.fragment)
    if match is None:
        raise ModelError(
            Phrase("errors.no_hash", "#{hash} is not a hash.", hash=url.fragment),
            hint=Phrase("errors.no_hash_hint", "Write `#sha256=` and 64 hex digits."),
        )
    return match[1].lower()


def _is_this_computer(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
