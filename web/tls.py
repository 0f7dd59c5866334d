"""Encrypted connections, and an answer for those who come unencrypted.

A browser that is given an address without `https://` tries plain http first. The TLS library refuses that at the first
bytes and the connection would just end, which browsers report as an empty answer. Here it is sent to https instead.
"""

import re
import ssl
from typing import Any

from agent.certificate import Certificate

_UNENCRYPTED = "HTTP_REQUEST"  # OpenSSL's name for it
_READ_AHEAD = 4096  # bytes: what browsers send before their headers of any length
# OpenSSL has taken the five bytes of a record's header by then: `GET /`, or for other methods less of the path.
_REQUEST = re.compile(
    rb"(?P<path>[!-~]*) HTTP/1\.[01]\r\n(?:[^\r\n]+\r\n)*?host: *(?P<host>[\w.:\[\]-]+)\r\n", re.IGNORECASE
)


def tls_context(certificate: Certificate) -> ssl.SSLContext:
    """Return what a server encrypts with."""
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


class _Context(ssl.SSLContext):
    """A context whose connections tell clients that speak plain http where to go."""

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **options: Any) -> ssl.SSLObject:  # noqa: ANN401 - as they come
        """Return the two ends of a connection, as asyncio wants it."""
        connection = super().wrap_bio(incoming, outgoing, *args, **options)
        if isinstance(connection, _Connection):
            connection.ends = (incoming, outgoing)
        return connection


class _Connection(ssl.SSLObject):
    """A connection that begins with a handshake, or with a request that is not encrypted."""

    ends: tuple[ssl.MemoryBIO, ssl.MemoryBIO]

    def do_handshake(self) -> None:
        """Go on with the handshake."""
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if error.reason != _UNENCRYPTED:
                raise
            incoming, outgoing = self.ends
            outgoing.write(_redirect(incoming.read(_READ_AHEAD)))
            # For asyncio to send it. The client reads and closes; if it does not, the handshake takes too long.
            raise ssl.SSLWantReadError from error


_Context.sslobject_class = _Connection


def _redirect(request: bytes) -> bytes:
    """Return a whole response to what is left of a request."""
    asked = _REQUEST.match(request)
    text = b"This device speaks https only: its address begins with https://\n"
    # Not a permanent one, which browsers keep: the owner may go back to plain http.
    status = b"307 Temporary Redirect" if asked else b"400 Bad Request"
    where = b"Location: https://%b/%b\r\n" % (asked["host"], asked["path"].lstrip(b"/")) if asked else b""
    head = b"HTTP/1.1 %b\r\n%bContent-Type: text/plain\r\nCache-Control: no-store\r\n" % (status, where)
    return b"%bContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (head, len(text), text)
