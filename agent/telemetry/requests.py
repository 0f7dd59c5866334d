"""Commands as they arrive: read, checked, and told apart from what must not be carried out."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from agent.errors import InputError
from agent.telemetry.calls import Kind
from agent.telemetry.clock import Stamp
from agent.telemetry.message import Incoming
from agent.telemetry.payloads import Command

LARGEST = 64 * 1024  # bytes of a payload
_SPREAD = "spread_s"
USUAL_SPREAD, _LONGEST_SPREAD = 5.0, 600.0  # seconds


@dataclass(frozen=True)
class Request:
    """What is asked for, and where the answer goes.

    Attributes:
        spread: seconds within which many devices answer, each at a moment of its own.
    """

    command: Command
    topic: str
    correlation: bytes
    spread: float = 0.0

    @property
    def id(self) -> str:
        """By which it is known if it comes again."""
        return self.command.id


def require_new(message: Incoming) -> None:
    """Refuse what lies at the broker for everybody who comes, or cannot be a command.

    Raises:
        InputError: says why.
    """
    if message.retain:
        raise InputError(
            "A retained command is not carried out: it would come again with each connection.",
            hint="Publish it without the retain flag, and an empty payload with it once to take this one back.",
        )
    if not message.payload:
        raise InputError("The payload is empty.", hint="Send {} for a command without arguments.")
    if len(message.payload) > LARGEST:
        raise InputError(f"The payload has {len(message.payload)} bytes; {LARGEST} are the most.")


def read(message: Incoming, kind: Kind | None) -> Command:
    """Return the command of a payload; one that has no id gets one. `kind` is None when there is no such command.

    Raises:
        InputError: the payload is no such thing.
    """
    try:
        command = _decoded(message.payload, kind.traits.bare if kind else "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"The payload is no command: {error}.") from error
    return command if command.id else msgspec.structs.replace(command, id=secrets.token_hex(8))


def spread_out(request: Request) -> Request:
    """Return a request without the argument for its spread, which counts where it was sent to many.

    Raises:
        InputError: these are no seconds.
    """
    args = dict(request.command.args)
    given = args.pop(_SPREAD, USUAL_SPREAD)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= _LONGEST_SPREAD:
        raise InputError(f"{_SPREAD} must be a number of seconds from 0 to {_LONGEST_SPREAD:g}.", field=_SPREAD)
    command = msgspec.structs.replace(request.command, args=args)
    return replace(request, command=command, spread=float(given) if request.spread else 0.0)


def arguments(kind: Kind, args: Mapping[str, Any]) -> msgspec.Struct:
    """Return the arguments as the command wants them.

    Raises:
        InputError: something is missing, unknown or of the wrong type; names it.
    """
    try:
        return msgspec.convert(args, kind.args)
    except msgspec.ValidationError as error:
        raise InputError(f"The arguments of {kind.name} are wrong: {error}.") from error


def late(command: Command, now: Stamp) -> str:
    """Return why it is too late for a command; empty: it is not, or this device does not know what time it is."""
    if not (command.ts and command.ttl_s) or now.quality == "est":
        return ""
    age = (now.ts - command.ts) / 1000
    return f"It is {age:.1f} s old and was good for {command.ttl_s:g} s." if age > command.ttl_s else ""


def _decoded(payload: bytes, bare: str) -> Command:
    text = payload.decode().strip()
    if bare and not text.startswith("{"):
        return Command(args={bare: text})
    return msgspec.json.decode(text, type=Command)
