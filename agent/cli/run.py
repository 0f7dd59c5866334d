"""`edgewise run`: the daemon."""

import argparse
import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from dataclasses import replace
from urllib.parse import urlsplit

from agent.bundles.journal import recover
from agent.bundles.place import Place
from agent.cli import settings
from agent.config import Config, Resolved, engine_environment, resolve, resolve_without_file, supervision
from agent.errors import ConfigError, EdgewiseError
from agent.heap import give_back
from agent.phrase import Phrase
from agent.safe_mode.kept_config import keep, kept
from agent.safe_mode.lives import Rules
from agent.safe_mode.parts import Parts
from agent.safe_mode.safe_mode import SafeMode
from agent.sole import sole


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("run", help="serve a model; installs the starter model if there is none")
    settings.add(parser)
    parser.set_defaults(handler=serve, rescue=rescue, trouble="")


def rescue(options: argparse.Namespace, error: ConfigError) -> Resolved:
    """Return the configuration of the last start where nobody reads what is wrong with the one of today.

    Raises:
        ConfigError: the one given, where somebody does, or nothing was kept.
    """
    if not supervision().address:
        raise error
    alone = resolve_without_file(settings.given(options))
    path = kept(alone.config.state_dir)
    if path is None:
        raise error
    options.trouble = error.message
    return replace(resolve(settings.given(options), path), file=None)


def serve(options: argparse.Namespace, config: Config) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    gc.disable()  # what a start makes stays; to look for garbage among it takes 20 ms
    give_back()
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
    with sole(config.state_dir):
        safe_mode = SafeMode(config.state_dir, Rules(limit=config.crash_limit), least=2 if config.safe_mode else 0)
        safe_mode.begin()
        try:
            return _serve(options, config, safe_mode)
        except (EdgewiseError, KeyboardInterrupt):
            safe_mode.undo()
            raise
        except BaseException as error:
            safe_mode.crashed(error)
            raise


def _serve(options: argparse.Namespace, config: Config, safe_mode: SafeMode) -> int:
    from agent.bundles.trial import go_on
    from agent.cli.welcome import introduce, welcome
    from agent.inference.lending import lend
    from agent.node import Node
    from agent.service import Service
    from web.server import serve

    parts = Parts()
    place = Place(config, options.resolved.file)
    if _completed(place, parts) | _given_up(place, safe_mode, parts):
        options.resolved = resolve(settings.given(options), options.config)
        config = options.resolved.config
        place = Place(config, options.resolved.file)
    node = Node(config, engine_environment(config), options.resolved.origins, safe_mode)
    node.supervised = bool(supervision().address)
    if options.trouble:
        logging.getLogger(__name__).error("%s What it said before is used.", options.trouble)
        parts.failures["configuration"] = options.trouble
    node.safety.parts.failures.update(parts.failures)
    node.reread = lambda: resolve(settings.given(options), options.config)
    logging.getLogger().addHandler(node.logs)

    service = Service(node, supervision())
    on_trial: list[asyncio.Task[None]] = []
    if config.engine_socket:
        os.umask(0o022)  # the engine's user reads the models; the state directory itself is closed to it
        lend(config.models_dir)

    async def listening(url: str) -> None:
        gc.freeze()  # nor is it looked through later, which would hold all answers up for 15 ms
        gc.enable()
        await welcome(node, url)
        node.discovery.on_name = lambda name: introduce(url, name)
        node.safety.announce(urlsplit(url).port or 0)
        if not options.trouble:
            keep(options.resolved)
        on_trial.append(asyncio.create_task(go_on(node, place), name="trial of an update"))
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.reload)
        service.ready(url)

    def stopping() -> None:
        safe_mode.end()
        service.stopping()

    service.opening()
    asyncio.run(serve(node, host=config.host, port=config.port, on_listening=listening, on_stopping=stopping))
    return 0


def _given_up(place: Place, safe_mode: SafeMode, parts: Parts) -> bool:
    """Take an update back that was on trial when crashes have led to safe mode, and run everything else again."""
    from agent.bundles.trial import give_up

    with parts.optional("updates"):
        if update := give_up(place, safe_mode.state()):
            safe_mode.leave()
            parts.failures["trial"] = Phrase(
                "bundles.crashed",
                "{name} {version} was taken back, because Edgewise crashed again and again while it was on trial",
                name=update.name,
                version=update.version,
            )
            logging.getLogger(__name__).warning("%s", parts.failures["trial"])
            return True
    return False


def _completed(place: Place, parts: Parts) -> bool:
    """Complete an update that lost its power while it took effect; True if there was one."""
    with parts.optional("updates"):  # a device with a part of an update is better than none
        return recover(place)
    return False
