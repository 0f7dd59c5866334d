"""`edgewise chat`: one answer, or a conversation in the terminal."""

import argparse
import asyncio
import signal
import sys
from typing import Any

from agent.cli import settings
from agent.cli.terminal import Cost, Partner, partner
from agent.config import Config
from agent.errors import EngineError
from agent.units import format_duration

_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"
_PROMPT = f"\x01{_BOLD}\x02>\x01{_PLAIN}\x02 "  # the marks tell readline what has no width


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("chat", help="get one answer, or talk in the terminal")
    parser.add_argument("prompt", nargs="*", help="what to ask; without it a conversation begins")
    parser.add_argument("--system", metavar="TEXT", help="system prompt")
    settings.add(parser, "state_dir", "host", "port", "tls", "model", "engine", "context", "threads", "offline")
    parser.set_defaults(handler=chat)


def chat(options: argparse.Namespace, config: Config) -> int:
    """Talk with the running daemon, or with a model loaded for this purpose."""
    messages: list[dict[str, Any]] = []
    if options.system:
        messages.append({"role": "system", "content": options.system})
    prompt = " ".join(options.prompt)
    if not prompt and not sys.stdin.isatty():
        prompt = sys.stdin.read().strip()
    return asyncio.run(_once(config, messages, prompt) if prompt else _talk(config, messages))


async def _once(config: Config, messages: list[dict[str, Any]], prompt: str) -> int:
    messages.append({"role": "user", "content": prompt})
    async with partner(config) as other:
        await _answer(other, messages)
    return 0


async def _talk(config: Config, messages: list[dict[str, Any]]) -> int:
    import readline  # noqa: F401 - gives input() its line editing and history

    async with partner(config) as other:
        print(f"{_BOLD}{other.model}{_PLAIN} {_DIM}· /new begins anew, Ctrl-C stops an answer, Ctrl-D ends{_PLAIN}")
        beginning = list(messages)
        while (line := _ask()) is not None:
            if line == "/new":
                messages = list(beginning)
            elif line.strip():
                await _turn(other, messages, line)
    return 0


def _ask() -> str | None:
    """Read a line; the event loop stands still meanwhile, which nobody notices."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input(_PROMPT)
    except (EOFError, KeyboardInterrupt):
        print()
        return None
    finally:
        signal.signal(signal.SIGINT, handler)


async def _turn(other: Partner, messages: list[dict[str, Any]], line: str) -> None:
    """Answer one line; Ctrl-C stops the answer and takes the line back."""
    messages.append({"role": "user", "content": line})
    task = asyncio.create_task(_answer(other, messages))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        messages.append({"role": "assistant", "content": await task})
    except asyncio.CancelledError:
        print(f" {_DIM}[stopped]{_PLAIN}")
        messages.pop()
    except EngineError as error:
        print(f"{_DIM}{error.message}{_PLAIN}", file=sys.stderr)
        messages.pop()
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _answer(other: Partner, messages: list[dict[str, Any]]) -> str:
    """Print an answer as it comes; on a terminal also what it took."""
    text = ""
    async for part in other.answer(messages):
        if isinstance(part, Cost):
            print()
            if sys.stdout.isatty():
                print(f"{_DIM}{_describe(part)}{_PLAIN}")
        else:
            text += part.text
            print(part.text, end="", flush=True)
    return text


def _describe(cost: Cost) -> str:
    first = f"{cost.first * 1000:.0f} ms" if cost.first < 1 else format_duration(cost.first)
    answer = f"{cost.completion} tokens, {cost.rate:.1f} tok/s"
    return f"{answer}, first after {first} ({cost.prompt} prompt tokens, {cost.cached} cached)"
