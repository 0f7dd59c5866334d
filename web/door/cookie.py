"""The cookie that keeps a browser signed in."""

import hashlib

from litestar.datastructures import Cookie, Headers

_DIGITS = 6
_LIFETIME = 180 * 86400  # seconds; the session behind it ends earlier when it is not used


class SessionCookie:
    """The cookie of one device. The ports of a host share their cookies, so that its name differs between devices.

    Args:
        device_id: of this device; it stays the same when the daemon starts anew.
    """

    def __init__(self, device_id: str) -> None:
        self.name = f"edgewise-{hashlib.sha256(device_id.encode()).hexdigest()[:_DIGITS]}"

    def read(self, headers: Headers) -> str:
        """Return the token that a request carries, or an empty string.

        Of two cookies with our name one was set by somebody else on this host, and nobody can tell which: that is none.
        """
        pairs = [pair.strip().partition("=") for line in headers.getall("cookie", []) for pair in line.split(";")]
        tokens = [value for name, _, value in pairs if name == self.name]
        return tokens[0] if len(tokens) == 1 else ""

    def give(self, token: str, *, encrypted: bool) -> Cookie:
        """Return the cookie of a session."""
        return self._cookie(token, _LIFETIME, encrypted=encrypted)

    def take(self, *, encrypted: bool) -> Cookie:
        """Return what makes the browser forget the session."""
        return self._cookie("", 0, encrypted=encrypted)

    def _cookie(self, value: str, max_age: int, *, encrypted: bool) -> Cookie:
        return Cookie(
            self.name,
            path="/",  # and no domain: only this host gets it back
            value=value,
            max_age=max_age,
            httponly=True,
            # Not `strict`: a link on another page, such as a home automation dashboard, shall open signed in. Following
            # a link changes nothing; that takes a form of ours, its token and our origin.
            samesite="lax",
            secure=encrypted,
        )
