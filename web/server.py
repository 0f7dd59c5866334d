"""Serving a node over HTTP until a signal says stop."""

import asyncio
import contextlib
import errno
import signal
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator

import uvicorn

from agent import threads
from agent.certificate import prepare
from agent.errors import ConfigError
from agent.node import Node
from agent.ports import holder
from web.app import create_app
from web.crowd import Crowd, Gate, Limits
from web.patience import Patience, Protocol, end_overdue
from web.tally import Tally
from web.tls import tls_context

_BACKLOG = 2048
_DRAIN_SECONDS = 1  # for clients that do not read the end of their answers
_KEEP_ALIVE_SECONDS = 75  # longer than clients keep idle connections, so that they close first
_TICKS_PER_SECOND = 10  # of uvicorn


class Server(uvicorn.Server):
    """Uvicorn that ends slow connections, and is without signal handlers: they would wait for running answers."""

    def __init__(self, config: uvicorn.Config, patience: Patience) -> None:
        super().__init__(config)
        self._patience = patience
        self._overdue = Tally("Clients too slow with their request, and cut off")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Do what is done ten times a second; returns whether to end."""
        if counter % _TICKS_PER_SECOND == 0:
            end_overdue(self.server_state.connections, self._patience, time.monotonic(), self._overdue)
        return await super().on_tick(counter)


async def serve(
    node: Node,
    *,
    host: str,
    port: int,
    on_listening: Callable[[str], Awaitable[None]],
    on_stopping: Callable[[], None] = lambda: None,
) -> None:
    """Start a node and serve it until SIGTERM or SIGINT; a second signal ends the process at once.

    Args:
        node: started and stopped here.
        host: address or name to bind to.
        port: 0 takes a free one.
        on_listening: called with the URL once connections are accepted; the model may still be loading.
        on_stopping: called when the end begins.

    Raises:
        ConfigError: the address cannot be listened on, or the certificate not be used; nothing was started.
        StoreError: our own certificate cannot be written.
        ModelError: the node cannot start.
    """
    with Gate(listen(host, port), Crowd(Limits.of_process())) as listener:
        threads.prepare(asyncio.get_running_loop())
        try:
            await node.open()
            await _serve(node, listener, host, on_listening, on_stopping)
        finally:
            await node.stop()


async def _serve(
    node: Node,
    listener: socket.socket,
    host: str,
    on_listening: Callable[[str], Awaitable[None]],
    on_stopping: Callable[[], None],
) -> None:
    encryption = _encryption(node)
    config = uvicorn.Config(
        create_app(node),
        http=Protocol,
        ssl_context_factory=(lambda *_: encryption) if encryption else None,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = Server(config, Patience())
    stopping = _on_signal()
    node.start()
    await on_listening(_url(host, listener.getsockname()[1], "https" if encryption else "http"))
    end = asyncio.create_task(_end(stopping, node, server, on_stopping), name="shutdown")
    await server.serve(sockets=[listener])
    await end


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that accepts connections.

    Raises:
        ConfigError: that is not possible; says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # `::` takes IPv4 connections too.
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=host == "::")
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = "Choose another one with --port, or end the program that has it."
            by = f" by {program}" if (program := holder(port)) else ""
            raise ConfigError(f"Port {port} on {host} is taken{by}.", hint=hint) from error
        raise ConfigError(f"Cannot listen on {host}, port {port}: {error.strerror or error}.") from error
    # Connections inherit it. asyncio sets it only on sockets that it has made, and without it small writes wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _encryption(node: Node) -> ssl.SSLContext | None:
    certificate = prepare(node.config, node.name, node.id)
    return tls_context(certificate) if certificate else None


def _url(host: str, port: int, scheme: str) -> str:
    """Return the URL for this computer; who listens on all addresses is reached by loopback too."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here
    return f"{scheme}://[{here}]:{port}" if ":" in here else f"{scheme}://{here}:{port}"


def _on_signal() -> asyncio.Event:
    """Return an event that the first signal sets; the next one has its usual effect."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def stop() -> None:
        stopping.set()
        for number in signals:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in signals:
        loop.add_signal_handler(number, stop)
    return stopping


async def _end(stopping: asyncio.Event, node: Node, server: uvicorn.Server, on_stopping: Callable[[], None]) -> None:
    """End the answers first: their connections close by that, which is what uvicorn waits for."""
    await stopping.wait()
    on_stopping()
    try:
        await node.stop()
    finally:
        server.should_exit = True
