"""`edgewise run`: the daemon."""

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from urllib.parse import urlsplit

from agent.bundles.journal import recover
from agent.bundles.place import Place
from agent.cli import settings
from agent.config import Config, engine_environment, resolve, supervision
from agent.errors import StoreError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("run", help="serve a model; installs the starter model if there is none")
    settings.add(parser)
    parser.set_defaults(handler=serve)


def serve(options: argparse.Namespace, config: Config) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    gc.disable()  # what a start makes stays; to look for garbage among it takes 20 ms
    from agent.cli.welcome import introduce, welcome
    from agent.inference.lending import lend
    from agent.node import Node
    from agent.service import Service
    from web.server import serve

    logging.basicConfig(
        level=config.log_level.upper(),
        format="%(asctime)s %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # what others send wrongly, and what we say better
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each connection is a file; shells allow 1024 at first
    if _completed(Place(config, options.resolved.file)):
        options.resolved = resolve(settings.given(options), options.config)
        config = options.resolved.config
    node = Node(config, engine_environment(config), options.resolved.origins)
    node.reread = lambda: resolve(settings.given(options), options.config)
    logging.getLogger().addHandler(node.logs)

    service = Service(node, supervision())
    if config.engine_socket:
        os.umask(0o022)  # the engine's user reads the models; the state directory itself is closed to it
        lend(config.models_dir)

    async def listening(url: str) -> None:
        gc.freeze()  # nor is it looked through later, which would hold all answers up for 15 ms
        gc.enable()
        await welcome(node, url)
        if config.discovery:
            node.discovery.on_name = lambda name: introduce(url, name)
            node.discovery.start(urlsplit(url).port or 0)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.reload)
        service.ready(url)

    service.opening()
    asyncio.run(serve(node, host=config.host, port=config.port, on_listening=listening, on_stopping=service.stopping))
    return 0


def _completed(place: Place) -> bool:
    """Complete an update that lost its power while it took effect; True if there was one."""
    try:
        return recover(place)
    except StoreError as error:  # a device with a part of an update is better than none
        logging.getLogger(__name__).error("%s", error.message)  # noqa: TRY400 - no bug
        return False
