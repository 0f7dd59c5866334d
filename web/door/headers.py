"""What every response says to the browser: run, load and show nothing that is not ours."""

from litestar.types import Message, Send

# Without inline scripts and styles, so that an answer of a model that has HTML in it can do nothing, not even load an
# image from elsewhere that tells what was said.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_ALWAYS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # with no-referrer browsers would send forms with `Origin: null`
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
# Browsers complain about it on plain http. There is no Strict-Transport-Security at all: a browser that has seen it
# refuses the name for months after the owner has gone back to http, and never lets people accept our own certificate.
_ENCRYPTED = (b"cross-origin-opener-policy", b"same-origin")
# Chats must not come back by the Back button when somebody else in the family has the laptop. That costs the browser's
# back-forward cache, which saves what a page of ours takes in a LAN.
_CACHE = (b"cache-control", b"no-store")


def with_headers(send: Send, *, encrypted: bool) -> Send:
    """Return a `send` that adds the headers to a response; one that says how it may be cached keeps that."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = list(message["headers"])
            if not any(name.lower() == _CACHE[0] for name, _ in given):
                given.append(_CACHE)
            message["headers"] = [*given, *_ALWAYS, *([_ENCRYPTED] if encrypted else [])]
        await send(message)

    return send_with_headers
