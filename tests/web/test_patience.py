"""Clients that take forever to say what they want, on real connections."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from litestar.types import Receive, Scope, Send

from web.patience import Patience, Protocol
from web.server import Server

HEADER, BODY = 0.2, 0.6
SECOND = 1.0  # between two looks at the connections
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ENDLESS = b"GET / HTTP/1.1\r\nHost: x\r\nX-Story: " + b"a" * 1000
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer once the whole body is there; at `/early` at once, at `/late` after some seconds."""
    if scope["path"] == "/late":
        await asyncio.sleep(BODY + 2 * SECOND)
    while scope["path"] != "/early":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message.get("more_body", False):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok", "more_body": False})


@asynccontextmanager
async def server() -> AsyncIterator[tuple[str, int]]:
    """Run a server with little patience; gives its address."""
    config = uvicorn.Config(
        app, http=Protocol, lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1
    )  # which keeps idle connections for five seconds
    serving = Server(config, Patience(header=HEADER, body=BODY, rate=100))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(serving.serve(sockets=[listener]))
        yield listener.getsockname()
        serving.should_exit = True
        await task


@asynccontextmanager
async def connect(address: tuple[str, int]) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection(*address)
    yield reader, writer
    writer.close()


async def drip(connection: Streams, data: bytes) -> float:
    """Send data byte by byte, 50 in a second; returns after how many seconds the server ended that."""
    reader, writer = connection
    began, ended = time.monotonic(), asyncio.create_task(reader.read())
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.wait({ended}, timeout=0.02)
        if ended.done():
            assert isinstance(ended.exception(), ConnectionResetError | None), "closed, or reset amid a byte"
            return time.monotonic() - began
    raise AssertionError("The server has waited for all.")


async def ask(connection: Streams, request: bytes = ASK) -> bytes:
    """Send a request; returns its response, or what there was of it."""
    reader, writer = connection
    writer.write(request)
    try:
        return await reader.readuntil(b"ok")
    except asyncio.IncompleteReadError as error:
        return error.partial


async def slow_header(connection: Streams) -> None:
    assert await drip(connection, ENDLESS) > HEADER


async def silent(connection: Streams) -> None:
    assert await connection[0].read() == b""


async def slow_second_header(connection: Streams) -> None:
    assert (await ask(connection)).endswith(b"ok")
    await asyncio.sleep(HEADER + 2 * SECOND)
    assert (await ask(connection)).endswith(b"ok"), "between two requests, the time of keep-alive counts"
    assert await drip(connection, ENDLESS) > HEADER


async def stuck_body(connection: Streams) -> None:
    assert await ask(connection, POST + b"x" * 10) == b""


async def dripping_body(connection: Streams) -> None:
    connection[1].write(POST)
    assert await drip(connection, b"x" * 999) > BODY


async def dripping_body_that_nobody_reads(connection: Streams) -> None:
    assert (await ask(connection, POST.replace(b"/ ", b"/early "))).endswith(b"ok")
    assert await drip(connection, b"x" * 999) > BODY


async def steady_body(connection: Streams) -> None:
    reader, writer = connection
    writer.write(POST)
    for _ in range(25):  # 400 bytes per second, where 100 are enough
        writer.write(b"x" * 40)
        await asyncio.sleep(0.1)
    assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")


async def slow_answer(connection: Streams) -> None:
    assert (await ask(connection, ASK.replace(b"/ ", b"/late "))).endswith(b"ok")


async def large_body_that_is_read_late(connection: Streams) -> None:
    head = b"POST /late HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
    assert (await ask(connection, head + b"x" * 9_000_000)).endswith(b"ok")


def test_who_takes_too_long_is_cut_off_and_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    cut = [slow_header, silent, slow_second_header, stuck_body, dripping_body, dripping_body_that_nobody_reads]
    kept = [steady_body, slow_answer, large_body_that_is_read_late]

    async def run(case: Callable[[Streams], Coroutine[Any, Any, None]], address: tuple[str, int]) -> None:
        async with connect(address) as connection:
            await case(connection)

    async def scenario() -> None:
        async with server() as address, asyncio.timeout(15), asyncio.TaskGroup() as group:
            for case in (*cut, *kept):
                group.create_task(run(case, address))

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert [record.name for record in caplog.records] == ["web.tally"], "one line, however many"
