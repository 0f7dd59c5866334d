"""Why there is no connection, in sentences for people."""

import errno
import socket
import ssl
from dataclasses import dataclass
from typing import Literal

from agent.phrase import Phrase
from agent.telemetry.link.address import Endpoint

_UNSUPPORTED, _BAD_ID, _TAKEN_OVER, _NO_SIGN_OF_LIFE = 0x84, 0x85, 0x8E, 0x8D
_BAD_LOGIN = {0x86, 0x8C}
_NOT_ALLOWED = {0x87, 0x8A}
# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAME = {62, 64}
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_OUR_CERTIFICATE = (
    "CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_CERTIFICATE",
    "ALERT_ACCESS",
)


@dataclass(frozen=True)
class Trouble:
    """What went wrong.

    Attributes:
        refused: trying again soon changes nothing.
        older: whether the broker may understand an older version of the protocol.
        plain: nothing is known but that the connection ended.
    """

    reason: str
    hint: str = ""
    refused: bool = False
    older: Literal["no", "perhaps", "surely"] = "no"
    plain: bool = False


CLOSED = Trouble(Phrase("link.closed", "The connection was closed by this device."))
CRASHED = Trouble(Phrase("link.crashed", "The connection ended because of an error, which is in the log."))


def lost() -> Trouble:
    """Return the trouble of a connection that simply ended."""
    return Trouble(Phrase("link.lost", "The connection to the broker was lost."), plain=True)


def unanswered(place: Endpoint) -> Trouble:
    """Return the trouble of a connection that was closed before the broker had said anything, as old ones do."""
    return Trouble(
        Phrase("link.unanswered", "{place} takes connections and closes them without a word.", place=place),
        Phrase("link.unanswered_hint", "Is that the broker's port? One for mqtts:// does this to mqtt://."),
        older="perhaps",
    )


def silent(place: Endpoint) -> Trouble:
    """Return the trouble of a broker that does not answer in time."""
    return Trouble(
        Phrase("link.silent", "{place} does not answer.", place=place),
        Phrase("link.silent_hint", "Is the broker running, and can it be reached from this network?"),
    )


def short_lived(client_id: str) -> Trouble:
    """Return the trouble of connections that end again and again soon after they were made."""
    return Trouble(
        Phrase("link.short_lived", "The broker accepts each connection, and ends it soon after."),
        Phrase(
            "link.short_lived_hint",
            "Does another device use the id {id}? Give each one its own, as mqtt_id.",
            id=client_id,
        ),
    )


def said_by_broker(code: int, words: str, client_id: str) -> Trouble:
    """Explain a reason code of MQTT 5 (OASIS MQTT 5.0, 2.4), by which a broker refuses or ends a connection.

    Args:
        code: 0x80 or more.
        words: its name, and what the broker adds.
        client_id: our name there.
    """
    if code == _UNSUPPORTED:
        return Trouble(Phrase("link.version", "The broker speaks another version of MQTT."), older="surely")
    refusal = _refusal(code, client_id)
    if refusal:
        return refusal
    if code == _TAKEN_OVER:
        hint = Phrase("link.taken_hint", "Give each device an id of its own, as mqtt_id.")
        return Trouble(Phrase("link.taken", "Another device uses the id {id}.", id=client_id), hint)
    if code == _NO_SIGN_OF_LIFE:
        return Trouble(Phrase("link.gone_quiet", "The broker gave no sign of life."))
    return Trouble(Phrase("link.ended", "The broker ended the connection: {words}.", words=words))


def _refusal(code: int, client_id: str) -> Trouble | None:
    if code in _BAD_LOGIN:
        hint = Phrase("link.login_hint", "Check mqtt_username and the password.")
        return Trouble(
            Phrase("link.login", "The broker does not accept the user name or the password."), hint, refused=True
        )
    if code in _NOT_ALLOWED:
        hint = Phrase(
            "link.not_allowed_hint", "Check user name, password and the broker's access list for {id}.", id=client_id
        )
        return Trouble(Phrase("link.not_allowed", "The broker does not let this device in."), hint, refused=True)
    if code == _BAD_ID:
        return Trouble(Phrase("link.id", "The broker does not accept the id {id}.", id=client_id), refused=True)
    return None


def denied_topics(topics: list[str]) -> Trouble:
    """Return the trouble of topics that the broker does not let us listen to."""
    names = ", ".join(topics)
    return Trouble(
        Phrase("link.denied", "The broker does not allow this device to listen to {topics}.", topics=names),
        Phrase("link.denied_hint", "Allow it in the broker's access list, or commands will not arrive."),
    )


def unreachable(error: Exception, place: Endpoint) -> Trouble:
    """Explain why there is no connection that MQTT could be spoken on."""
    if isinstance(error, ConnectionRefusedError):
        return Trouble(
            Phrase("link.nobody", "Nobody listens at {place}.", place=place),
            Phrase("link.nobody_hint", "Is the broker running, and is the port right?"),
        )
    if isinstance(error, ssl.SSLError) or (place.tls and isinstance(error, ConnectionError)):
        return _not_secured(error, place)
    if isinstance(error, socket.gaierror | UnicodeError):
        return Trouble(
            Phrase("link.unknown_host", "The name {host} is not known.", host=place.host),
            Phrase("link.unknown_host_hint", "Check mqtt_url, and whether this device is on the network."),
        )
    if isinstance(error, TimeoutError):
        return silent(place)
    if isinstance(error, OSError) and error.errno in _NO_ROUTE:
        return Trouble(
            Phrase("link.no_route", "There is no way from here to {place}.", place=place),
            Phrase("link.no_route_hint", "Is this device on the network?"),
        )
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Trouble(Phrase("link.failed", "{place} cannot be reached: {error}.", place=place, error=why))


def certificate_refused(words: str) -> Trouble | None:
    """Explain what OpenSSL says when the broker has looked at our certificate, if it is that."""
    if not any(sign in words.upper().replace(" ", "_") for sign in _OUR_CERTIFICATE):
        return None
    return Trouble(
        Phrase("link.certificate_refused", "The broker does not accept the certificate of this device, or wants one."),
        Phrase("link.certificate_refused_hint", "Check mqtt_cert and mqtt_key."),
        refused=True,
    )


def _not_secured(error: OSError, place: Endpoint) -> Trouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _not_trusted(error, place)
    refused = certificate_refused(_words(error))
    if refused:
        return refused
    return Trouble(
        Phrase(
            "link.no_tls", "There is no encrypted connection to {place}: {error}.", place=place, error=_words(error)
        ),
        Phrase("link.no_tls_hint", "Is that the broker's port for mqtts://, often 8883?"),
    )


def _not_trusted(error: ssl.SSLCertVerificationError, place: Endpoint) -> Trouble:
    if error.verify_code == _NOT_YET_VALID:
        return Trouble(
            Phrase(
                "link.not_yet",
                "The certificate of {place} is not valid yet: is the clock of this device wrong?",
                place=place,
            ),
            Phrase(
                "link.not_yet_hint", "It is tried again; the clock is set as soon as the network has told the time."
            ),
        )
    if error.verify_code == _EXPIRED:
        return Trouble(
            Phrase(
                "link.expired",
                "The certificate of {place} has expired, or the clock of this device is wrong.",
                place=place,
            ),
            Phrase("link.expired_hint", "The broker needs a new one."),
        )
    if error.verify_code in _OTHER_NAME:
        return Trouble(
            Phrase("link.other_name", "The certificate of {place} is for another name.", place=place),
            Phrase("link.other_name_hint", "Use the name in mqtt_url that is in the certificate."),
        )
    return Trouble(
        Phrase(
            "link.untrusted",
            "The certificate of {place} is not trusted: {error}.",
            place=place,
            error=error.verify_message,
        ),
        Phrase("link.untrusted_hint", "Give the certificate of the authority that has signed it, as mqtt_ca."),
    )


def _words(error: OSError) -> str:
    reason: str = getattr(error, "reason", "") or error.strerror or type(error).__name__
    return reason.replace("_", " ").lower()
