"""`edgewise fleet send`: a command for one device, for a group or for all, and what becomes of it."""

import argparse
import asyncio
import secrets
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from agent.cli import settings
from agent.cli.fleet.place import add_flags, listening
from agent.cli.fleet.view import plain
from agent.config import Config
from agent.errors import ConfigError
from agent.fleet.asking import Answer, Asking, Target
from agent.telemetry.payloads import Command

_DONE, _FAILED, _UNANSWERED = 0, 1, 3
_TTL, _WAIT = 60.0, 60.0  # seconds
_SETTLE = 0.5  # seconds in which the broker tells what it has kept
_LOOK = 0.05
_GROUP, _EVERYBODY = "group:", "all"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "send",
        help="send a command to devices on a broker",
        epilog="Exit status: 0 done; 1 a device has rejected it or failed; 2 it could not be sent; 3 no answer.",
    )
    parser.add_argument("device", metavar="DEVICE", help="its id, as `fleet watch --json` shows it; group:NAME, or all")
    parser.add_argument("command", metavar="COMMAND", help="such as ping, set_model or diagnostics")
    parser.add_argument("arguments", nargs="*", metavar="KEY=VALUE", help="arguments; a value is JSON, else a text")
    parser.add_argument("--json", metavar="ARGS", help="all arguments at once, as a JSON object")
    parser.add_argument(
        "--ttl",
        type=float,
        default=_TTL,
        metavar="SECONDS",
        help=f"after which it must not be carried out any more (default: {_TTL:g})",
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=_WAIT,
        metavar="SECONDS",
        help=f"give up when nothing is heard for so long; 0: do not wait for answers (default: {_WAIT:g})",
    )
    add_flags(parser)
    settings.add(parser, "state_dir")
    parser.set_defaults(handler=send)


def send(options: argparse.Namespace, config: Config) -> int:
    """Send a command and print its result, or for many devices a line for each."""
    command = Command(
        id=secrets.token_hex(8),
        ts=int(time.time() * 1000),
        ttl_s=max(1.0, options.ttl),
        args=_arguments(options.arguments, options.json),
        by=f"edgewise fleet send on {socket.gethostname()}"[:128],
    )
    asking = Asking(config.mqtt_prefix, _target(options.device), _level(options.command), command)
    return asyncio.run(_send(config, asking, options.wait))


async def _send(config: Config, asking: Asking, wait: float) -> int:
    async with listening(
        config, asking.subscriptions(), lambda message: asking.hear(message, int(time.time() * 1000))
    ) as (link, ears):
        await ears.wait(link)
        await asyncio.sleep(_SETTLE if wait else 0)
        if wait and asking.target.device and asking.status() != "online":
            known = asking.status() or "not known to this broker"
            _note(f"{asking.target.device} is {known}; the broker keeps the command for {asking.command.ttl_s:g} s.")
        await link.publish(asking.message())
        return await _follow(asking, wait) if wait else _DONE


async def _follow(asking: Asking, wait: float) -> int:
    heard = time.monotonic()
    while (asking.outstanding() or not asking.finished) and time.monotonic() - heard < wait:
        await asyncio.sleep(_LOOK)
        for answer in asking.answers():
            heard = time.monotonic()
            _print(answer, alone=bool(asking.target.device))
    if missing := asking.outstanding():
        _note(f"No answer within {wait:g} s: {', '.join(sorted(missing))}")
    elif not asking.finished:
        _note(f"No answer within {wait:g} s.")
    if missing or not asking.finished:
        return _UNANSWERED
    return _DONE if all(answer.response.status == "ok" for answer in asking.finished.values()) else _FAILED


def _print(answer: Answer, *, alone: bool) -> None:
    """Print an answer: what a program wants on standard output, the rest beside it."""
    response = answer.response
    said = "  ".join([answer.device, response.status, *([response.msg] if response.msg else [])])
    if not answer.final or (alone and response.status != "ok"):
        _note(said)
    elif alone:
        if response.msg or response.result is None:
            _note(said)
        if response.result is not None:
            print(msgspec.json.format(msgspec.json.encode(response.result)).decode())
    else:
        result = "" if response.result is None else f"  {msgspec.json.encode(response.result).decode()}"
        print(plain(said + result), flush=True)


def _note(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)


def _target(text: str) -> Target:
    if text == _EVERYBODY:
        return Target()
    if text.startswith(_GROUP):
        return Target(group=_level(text.removeprefix(_GROUP)))
    return Target(device=_level(text))


def _level(text: str) -> str:
    """Return what is to be one level of a topic.

    Raises:
        ConfigError: it cannot be one.
    """
    if not text or not {"/", "+", "#", "\0"}.isdisjoint(text):
        raise ConfigError(f"{text!r} cannot be part of a topic.", hint="Letters, digits and - are fine.")
    return text


def _arguments(pairs: Sequence[str], given: str | None) -> dict[str, Any]:
    """Return the arguments of the command.

    Raises:
        ConfigError: they cannot be read, or were given in two ways.
    """
    if given is not None and pairs:
        raise ConfigError("Arguments come as KEY=VALUE or as --json, not both.")
    if given is not None:
        try:
            return msgspec.json.decode(given, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise ConfigError(f"--json is no JSON object: {error}.") from error
    return dict(_pair(pair) for pair in pairs)


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ConfigError(f"{text!r} is not KEY=VALUE.")
    try:
        return key, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return key, value
