"""Commands over MQTT: received, checked, noted, acknowledged, carried out, answered; in this order."""

import asyncio
import difflib
import logging
import random
import time
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import msgspec

from agent.errors import EdgewiseError, ForbiddenError, InputError, NotFoundError, QueueFullError
from agent.telemetry import commands, handled
from agent.telemetry.answers import destination, failed
from agent.telemetry.calls import Call, Kind
from agent.telemetry.handled import Fleeting, Handled, fingerprint
from agent.telemetry.host import Host, Reports
from agent.telemetry.link import Publisher
from agent.telemetry.message import Incoming
from agent.telemetry.payloads import Command, Response
from agent.telemetry.replies import Replies
from agent.telemetry.requests import USUAL_SPREAD, Request, arguments, late, read, require_new, spread_out
from agent.telemetry.topics import Topics
from agent.waiting import end

logger = logging.getLogger(__name__)

_AT_A_TIME = 4
_RETRY = 5  # seconds
_RESTARTED = "The device was restarted while it carried this out."


class Inbox:
    """Follows commands. What it is told comes one at a time, in the event loop."""

    def __init__(self, host: Host, reports: Reports, topics: Topics) -> None:
        self._host = host
        self._reports = reports
        self._topics = topics
        self._kinds = commands.load()
        self._replies = Replies()
        self._fleeting = Fleeting()
        self._running: dict[str, Kind] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._resumed = False

    def names(self) -> list[str]:
        """Return the commands that are understood."""
        return sorted(self._kinds)

    async def connected(self, publisher: Publisher) -> None:
        """Send what could not be sent before; the first time, also answer what an earlier run has left undone."""
        self._replies.use(publisher)
        self._spawn(self._replies.flush())
        if not self._resumed:
            self._resumed = True
            try:
                await self._resume()
            except EdgewiseError as error:
                logger.warning("Commands of before the restart are not answered: %s", error.message)

    async def received(self, message: Incoming, publisher: Publisher) -> None:
        """Take a command; it is acknowledged once it is noted, or refused."""
        name, many = self._topics.command(message.topic)
        if name:
            self._replies.use(publisher)
            await self._take(name, message, many=many)
        message.acknowledge()

    async def close(self) -> None:
        """End what is being carried out; it is taken up or answered after the restart."""
        await end(self._tasks)

    async def _take(self, name: str, message: Incoming, *, many: bool) -> None:
        topic, spread = destination(self._topics, message, name), USUAL_SPREAD if many else 0.0
        request = Request(Command(), topic, message.correlation, spread)
        try:
            require_new(message)
            request = replace(request, command=read(message, self._kinds.get(name)))
            kind = self._kind(name)
            request = spread_out(request)
            args = arguments(kind, request.command.args)
            answer = await self._known(request, kind)
            if answer is None:
                await self._accept(request, kind, args)
        except EdgewiseError as error:
            answer = failed(request.id, error)
        if answer is not None:
            level = _level(request, self._kinds.get(name))
            logger.log(level, "Command %s by %r: %s %d", name, request.command.by, answer.status, answer.code)
            self._spawn(self._answer(request, name, answer))

    def _kind(self, name: str) -> Kind:
        if kind := self._kinds.get(name):
            return kind
        close = difflib.get_close_matches(name, self._kinds, 1)
        hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(self._kinds)}."
        raise NotFoundError(f"There is no command {name[:64]!r}.", hint=hint)

    async def _known(self, request: Request, kind: Kind) -> Response | None:
        """Return the answer to what came before, or comes too late."""
        known = self._fleeting.find(request.id) or await handled.find(self._host.store, request.id)
        if known is None:
            why = late(request.command, self._reports.clock.now())
            return Response(request.id, "expired", 408, why) if why else None
        if known.hash != fingerprint(kind.name, request.command.args):
            raise InputError("This id was used for another command.", field="id", hint="Make a new one for each.")
        return known.answer() or Response(request.id, "accepted", 202, "It is being carried out already.")

    async def _accept(self, request: Request, kind: Kind, args: msgspec.Struct) -> None:
        """Note a command, on the disk if it changes something, and begin to carry it out.

        Raises:
            ForbiddenError: the device has no owner yet.
            QueueFullError: enough is being carried out.
            StoreError: it cannot be noted.
        """
        await self._require_owner(kind)
        self._require_place(kind)
        await self._note(request, kind)
        logger.log(_level(request, kind), "Command %s by %r", kind.name, request.command.by)
        self._begin(request, kind, args)

    async def _note(self, request: Request, kind: Kind) -> None:
        kept = b"" if kind.traits.private else msgspec.json.encode(request.command.args)
        digest = fingerprint(kind.name, request.command.args)
        row = Handled(request.id, kind.name, digest, kept.decode(), request.topic, request.correlation, time.time())
        if _fleeting(request, kind):
            self._fleeting.keep(row)
        else:
            await handled.keep(self._host.store, row)

    async def _require_owner(self, kind: Kind) -> None:
        owned = self._host.config.auth == "open" or await self._host.security.claim.claimed()
        if not owned and not kind.traits.early:
            raise ForbiddenError("The device is not claimed.", hint="Open its page and claim it first.")

    def _require_place(self, kind: Kind) -> None:
        if kind.traits.slow and kind in self._running.values():
            raise QueueFullError(f"Another {kind.name} is being carried out.", retry_after=_RETRY)
        if len(self._running) >= _AT_A_TIME:
            raise QueueFullError(f"{_AT_A_TIME} commands are being carried out.", retry_after=_RETRY)

    async def _resume(self) -> None:
        """Take up what an earlier run of the daemon has left undone, or say that it is undone."""
        for row in await handled.unfinished(self._host.store):
            request = Request(Command(row.id), row.topic, row.correlation)
            kind = self._kinds.get(row.name)
            if row.id in self._running:
                continue
            if kind is not None and kind.traits.again and row.args:
                args = msgspec.json.decode(row.args, type=kind.args)
                self._begin(request, kind, args)
            else:
                answer = Response(row.id, "error", 500, _RESTARTED)
                await handled.finish(self._host.store, answer)
                self._spawn(self._answer(request, row.name, answer))

    def _begin(self, request: Request, kind: Kind, args: msgspec.Struct) -> None:
        self._running[request.id] = kind
        self._spawn(self._carry_out(request, kind, args))

    async def _carry_out(self, request: Request, kind: Kind, args: msgspec.Struct) -> None:
        try:
            await asyncio.sleep(random.uniform(0, request.spread))  # noqa: S311 - no secret
            if kind.traits.slow:
                await self._send(request, kind.name, Response(request.id, "accepted", 202))
            answer = await self._outcome(request, kind, args)
            kept = msgspec.structs.replace(answer, result=None) if kind.traits.private else answer
            if _fleeting(request, kind):
                self._fleeting.finish(kept)
            else:
                await handled.finish(self._host.store, kept)
        except EdgewiseError as error:  # it was carried out, but that cannot be noted
            logger.warning("The answer to %s is not kept: %s", kind.name, error.message)
        finally:
            del self._running[request.id]
        logger.log(_level(request, kind), "Command %s: %s %d", kind.name, answer.status, answer.code)
        await self._send(request, kind.name, answer)

    async def _outcome(self, request: Request, kind: Kind, args: msgspec.Struct) -> Response:
        async def say(message: str, result: object) -> None:
            await self._send(request, kind.name, Response(request.id, "progress", 202, message, result))

        async def recent(seconds: float) -> int:
            return await handled.recent(self._host.store, kind.name, seconds)

        try:
            result = await kind.run(self._host, args, Call(kind.name, request.id, self._reports, say, recent))
        except EdgewiseError as error:
            return failed(request.id, error)
        except Exception:  # the top of this task: nobody else would hear of it
            logger.exception("The command %s failed", kind.name, exc_info=not kind.traits.private)
            return Response(request.id, "error", 500, f"{kind.name} failed; the log of the device says why.")
        return Response(request.id, "ok", 200, result=result)

    async def _answer(self, request: Request, name: str, answer: Response) -> None:
        await asyncio.sleep(random.uniform(0, request.spread))  # noqa: S311 - no secret
        await self._send(request, name, answer)

    async def _send(self, request: Request, name: str, answer: Response) -> None:
        await self._replies.send(answer, request.topic, request.correlation, self._topics.own(f"rsp/{name}"))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="command")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _fleeting(request: Request, kind: Kind) -> bool:
    """Return whether a command changes nothing, so that the disk needs not know of it."""
    return kind.traits.fleeting and not request.command.args


def _level(request: Request, kind: Kind | None) -> int:
    return logging.DEBUG if kind and _fleeting(request, kind) else logging.INFO
