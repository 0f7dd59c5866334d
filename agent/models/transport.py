"""HTTP as the sources and the downloader use it: redirects, tokens, and what a status means."""

import datetime as dt
import email.utils
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from agent.errors import DownloadError, ModelError, ModelNotFoundError
from agent.models.progress import Meter
from agent.models.retry import Patience, Setback, setback_of
from agent.models.settings import TransferSettings
from agent.phrase import Phrase

logger = logging.getLogger(__name__)

_MAX_REDIRECTS = 10
_MAX_PAGE = 64 << 20  # bytes of metadata; the simple API's page of a large project has several MiB
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_MISSING = frozenset({"RepoNotFound", "RevisionNotFound", "EntryNotFound"})  # X-Error-Code of Hugging Face
_TOKEN_REFUSED = Phrase(
    "errors.token_refused", "The token in HF_TOKEN is not valid for it: accept its terms on its page with that account."
)
_TOKEN_MISSING = Phrase(
    "errors.token_missing", "It is gated or private: accept its terms on its page, then set HF_TOKEN to your token."
)


@dataclass(frozen=True)
class Page:
    """A piece of metadata from a source."""

    url: str
    body: bytes
    content_type: str
    next_url: str | None


@dataclass(frozen=True)
class Http:
    """A client, how patient it is, and whom it tells what it does."""

    client: httpx.AsyncClient
    settings: TransferSettings
    meter: Meter

    @asynccontextmanager
    async def open(self, url: str, headers: Mapping[str, str], token: str | None) -> AsyncIterator[httpx.Response]:
        """Send a GET, follow redirects, and give the response before its body is read.

        Raises:
            DownloadError: too many or unsafe redirects.
        """
        target = httpx.URL(url)
        headers = dict(headers)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        for _ in range(_MAX_REDIRECTS + 1):
            request = self.client.build_request("GET", target, headers=headers)
            response = await self.client.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    yield response
                    return
                target = _redirect_target(response)
            finally:
                await response.aclose()
            if _origin(target) != _origin(request.url):
                headers.pop("Authorization", None)
        raise DownloadError(
            Phrase(
                "errors.many_redirects",
                "{host} redirects more than {most} times.",
                host=request.url.host,
                most=_MAX_REDIRECTS,
            )
        )

    async def get(self, url: str, *, what: str, accept: str = "application/json", token: str | None = None) -> Page:
        """Fetch a piece of metadata about `what`.

        Raises:
            ModelNotFoundError: the source does not know it.
            DownloadError: no network, no access, or no answer that can be used.
        """
        patience = Patience(self.settings, what, self.meter)
        while True:
            try:
                async with self.open(url, {"Accept": accept}, token) as response:
                    setback = check_status(response, what, has_token=token is not None)
                    if setback is None:
                        return await _read_page(response)
            except httpx.TransportError as error:
                setback = setback_of(error, httpx.URL(url).host)
            await patience.wait(setback)


def open_client(settings: TransferSettings, *, remote: bool = True) -> httpx.AsyncClient:
    """Return a client that honours proxies and trusts what this computer trusts; nobody, where it asks nobody."""
    trust = authorities() if remote else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    timeout = httpx.Timeout(settings.stall_timeout, connect=settings.connect_timeout)
    # Compressed bytes could not be resumed or hashed.
    headers = {"User-Agent": "edgewise", "Accept-Encoding": "identity"}
    return httpx.AsyncClient(verify=trust, timeout=timeout, headers=headers)


def authorities() -> ssl.SSLContext:
    """Return what this computer trusts; to read it takes longer than to copy a small file."""
    trust = httpx.create_ssl_context()
    trust.load_default_certs(ssl.Purpose.SERVER_AUTH)  # a site's own authority is known to the system only
    return trust


def check_status(response: httpx.Response, what: str, *, has_token: bool) -> Setback | None:
    """Return None for a status with content, or the reason to try again.

    Raises:
        ModelNotFoundError: the source does not know `what`.
        DownloadError: trying again cannot help.
    """
    status, host = response.status_code, response.url.host
    if response.is_success:
        return None
    if status in _BUSY:
        return Setback(
            Phrase("errors.host_says", "{host} answered {status}", host=host, status=_phrase(status)),
            retry_after=_retry_after(response),
        )
    raise _refusal(response, what, has_token=has_token)


def _refusal(response: httpx.Response, what: str, *, has_token: bool) -> ModelError:
    status, host = response.status_code, response.url.host
    code = response.headers.get("X-Error-Code", "")
    if status in {404, 410} or code in _MISSING:
        return ModelNotFoundError(
            Phrase("errors.host_lacks", "{host} has no {what}.", host=host, what=what),
            hint=Phrase("errors.host_lacks_hint", "Check the spelling; a private one also needs a token in HF_TOKEN."),
        )
    if status in {401, 403}:
        hint = _TOKEN_REFUSED if has_token else _TOKEN_MISSING
        return DownloadError(
            Phrase(
                "errors.gated",
                "{host} does not give {what} to just anybody ({status}).",
                host=host,
                what=what,
                status=_phrase(status),
            ),
            hint=hint,
        )
    return DownloadError(
        Phrase(
            "errors.host_answered",
            "{host} answered {status} when asked for {what}.",
            host=host,
            status=_phrase(status),
            what=what,
        )
    )


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that Retry-After asks for, whether it holds seconds or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "")
    if value.isdecimal():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())


def _redirect_target(response: httpx.Response) -> httpx.URL:
    host = response.url.host
    try:
        target = response.url.join(response.headers["Location"])
    except httpx.InvalidURL as error:
        raise DownloadError(
            Phrase("errors.lost_redirect", "{host} redirects to an address that is none.", host=host)
        ) from error
    if target.scheme not in {"http", "https"} or (response.url.scheme, target.scheme) == ("https", "http"):
        raise DownloadError(
            Phrase(
                "errors.unsafe_redirect",
                "{host} redirects from {old} to {new}://, which is not safe.",
                host=host,
                old=response.url.scheme,
                new=target.scheme,
            )
        )
    return target


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _read_page(response: httpx.Response) -> Page:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MAX_PAGE:
            raise DownloadError(
                Phrase(
                    "errors.much_metadata",
                    "{host} sends more than {most} bytes of metadata.",
                    host=response.url.host,
                    most=_MAX_PAGE,
                )
            )
    next_url = response.links.get("next", {}).get("url")
    content_type = response.headers.get("Content-Type", "")
    return Page(str(response.url), bytes(body), content_type, str(response.url.join(next_url)) if next_url else None)
