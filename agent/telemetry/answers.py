"""Answers to commands: how they are worded, and where they go."""

import msgspec

from agent import errors
from agent.telemetry.message import Incoming, Outgoing
from agent.telemetry.payloads import Outcome, Response
from agent.telemetry.topics import ALL, GROUPS, Topics

_EXPIRY = 60.0  # seconds after which nobody waits for an answer any more
_LONGEST = 1000  # characters of a message
_CODES: tuple[tuple[type[errors.EdgewiseError], int], ...] = (
    (errors.NoRoomError, 507),
    (errors.UnwritableError, 507),
    (errors.InputError, 400),
    (errors.ConfigError, 409),
    (errors.NotFoundError, 404),
    (errors.ModelNotFoundError, 404),
    (errors.ForbiddenError, 403),
    (errors.TooManyTriesError, 429),
    (errors.QueueFullError, 429),
    (errors.EngineUnavailableError, 409),
    (errors.RequestError, 400),
    (errors.DownloadError, 502),
    (errors.TelemetryError, 503),
)
_NO_ROOM, _FAILED = 507, 500


def refused(identifier: str, code: int, message: str) -> Response:
    """Return that a command was not carried out, and nothing was changed."""
    return Response(identifier, "rejected", code, message[:_LONGEST])


def failed(identifier: str, error: errors.EdgewiseError) -> Response:
    """Return why a command was not carried out, or not to its end."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), _FAILED)
    status: Outcome = "rejected" if code < _FAILED or code == _NO_ROOM else "error"
    text = f"{error.message} {error.hint}".strip()
    return Response(identifier, status, code, text[:_LONGEST])


def encode(response: Response) -> bytes:
    """Return it as it is sent and kept."""
    return msgspec.json.encode(response, enc_hook=str)


def outgoing(topic: str, correlation: bytes, response: Response) -> Outgoing:
    """Return the message with an answer."""
    return Outgoing(topic, encode(response), expiry=_EXPIRY, correlation=correlation)


def destination(topics: Topics, message: Incoming, name: str) -> str:
    """Return where the answer to a command goes: where it says, or else `rsp/NAME`.

    Nobody can have the device speak for itself, to itself or to other devices that way.
    """
    wanted = message.response_topic
    ours = wanted.startswith((topics.own(""), f"{topics.prefix}/{ALL}/", f"{topics.prefix}/{GROUPS}/"))
    usual = topics.own(f"rsp/{name}")
    forbidden = not wanted or (ours and wanted != usual) or wanted.startswith("$") or not {"+", "#"}.isdisjoint(wanted)
    return usual if forbidden else wanted
