"""`edgewise doctor`: what is wrong, and what to do about it."""

import argparse
import asyncio
import importlib.metadata
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from agent import engines, providers
from agent.cli import settings
from agent.cli.choosing import chooser
from agent.cli.daemon import connection
from agent.cli.doctor_telemetry import telemetry
from agent.cli.finding import Finding
from agent.cli.terminal import here_and_now, ready
from agent.config import Config, engine_environment
from agent.errors import EdgewiseError
from agent.gguf import read_header
from agent.hardware import probe
from agent.hardware.words import describe
from agent.inference.set_aside import SetAside
from agent.models import ModelStore
from agent.node import Node
from agent.onnx import is_onnx, read_folder
from agent.providers.words import describe as describe_provider
from agent.units import format_bytes

_LEAST_DISK = 1 << 30  # bytes; a small model and its download need about this
_PRESSED = 10.0  # per cent of the last 10 s in which a program waited for memory
_SELF_TEST = 120  # seconds until a model that does not load counts as broken


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = subparsers.add_parser("doctor", help="find out what is wrong and what to do about it")
    settings.add(
        parser, "state_dir", "host", "port", "model", "engine", "context", "parallel", "threads", "offline",
        "onnx_ep_libraries",
    )  # fmt: skip
    parser.set_defaults(handler=doctor)


def doctor(options: argparse.Namespace, config: Config) -> int:
    """Look at everything that can be wrong; 1 if something is."""
    findings = list(_findings(config, options.resolved.origins))
    for finding in findings:
        print(f"{'ok' if finding.good else 'PROBLEM':8}{finding.what}")
        if finding.advice:
            print(f"{'':8}-> {finding.advice}")
    problems = sum(not finding.good for finding in findings)
    print(f"\n{problems} problem{'s' * (problems != 1)}." if problems else "\nNothing is wrong.")
    return 1 if problems else 0


def _findings(config: Config, origins: Mapping[str, str]) -> Iterator[Finding]:
    checks: list[Callable[[Config], Iterator[Finding]]] = [
        _software, _state, _hardware, _providers, _choice, _models, _set_aside, _engine,
        partial(telemetry, origins=origins),
    ]  # fmt: skip
    for check in checks:
        yield from check(config)


def _software(_: Config) -> Iterator[Finding]:
    version = importlib.metadata.version("edgewise")
    yield Finding(
        good=True, what=f"edgewise {version}, Python {platform.python_version()}, {platform.machine()}, {sys.platform}"
    )


def _state(config: Config) -> Iterator[Finding]:
    directory = config.state_dir
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        yield Finding(
            good=False, what=f"{directory} cannot be written", advice="choose another --state-dir, or change its owner"
        )
        return
    free = shutil.disk_usage(existing).free
    enough = free >= _LEAST_DISK
    yield Finding(
        good=enough,
        what=f"state in {directory}, {format_bytes(free)} free",
        advice="" if enough else "remove models with `edgewise models rm`, or use another disk with --state-dir",
    )


def _hardware(config: Config) -> Iterator[Finding]:
    hardware = probe(storage=config.state_dir)
    memory = hardware.memory
    yield Finding(good=True, what=f"{describe(hardware)}, {format_bytes(memory.usable)} can be used now")
    if hardware.thermal.throttled:
        yield Finding(
            good=False,
            what=f"the processor is held back: {', '.join(hardware.thermal.throttled)}",
            advice="cool it, or use a better power supply; `edgewise probe` shows temperatures",
        )
    if memory.pressure is not None and memory.pressure > _PRESSED:
        yield Finding(
            good=False,
            what=f"programs wait for memory {memory.pressure:.0f} % of the time",
            advice="end what is not needed, or choose a smaller model: `edgewise models use NAME`",
        )


def _providers(config: Config) -> Iterator[Finding]:
    """Try what ONNX Runtime can compute on; what the owner has named must work."""
    for provider in asyncio.run(providers.find(config.state_dir, config.onnx_ep_libraries, engine_environment())):
        named = f"look at its drivers and its version, or take {provider.library} out of `onnx_ep_libraries`"
        built_in = "models run on the processor instead; its drivers may be missing or too old"
        yield Finding(
            good=provider.usable or not provider.library,
            what=f"ONNX Runtime on {describe_provider(provider)}",
            advice="" if provider.usable else named if provider.library else built_in,
        )


def _choice(config: Config) -> Iterator[Finding]:
    try:
        selection = asyncio.run(chooser(config).choose(remember=False))
    except EdgewiseError as error:
        yield Finding(good=False, what=error.message, advice=error.hint)
        return
    yield Finding(good=True, what=f"firmware profile {selection.profile}")
    words = f"{selection.title} {selection.quantization}" if selection.model else selection.reason
    fetch = "not installed; `edgewise run` fetches it, `edgewise select` says why it is best"
    advice = "" if selection.installed or not selection.model else fetch
    yield Finding(good=bool(selection.model), what=f"best model for this computer: {words}", advice=advice)


def _models(config: Config) -> Iterator[Finding]:
    store = ModelStore(config.models_dir)
    models = store.installed()
    for model in models:
        try:
            path = store.path(model)
            read_folder(path) if is_onnx(path) else read_header(path)
        except EdgewiseError as error:
            yield Finding(good=False, what=error.message, advice=error.hint or f"edgewise models rm {model.name}")
        else:
            yield Finding(good=True, what=f"model {model.name}, {model.quantization}, {format_bytes(model.bytes)}")
    for rest in store.unfinished():
        yield Finding(
            good=True,
            what=f"{rest.name} is not complete",
            advice=f"go on with `edgewise models pull`, or `edgewise models rm {rest.name}`",
        )
    if not models and not config.model:
        yield Finding(
            good=True, what="no model is installed", advice="`edgewise run` installs the starter model by itself"
        )


def _set_aside(config: Config) -> Iterator[Finding]:
    for verdict in SetAside(config.state_dir / "set-aside.json").all():
        yield Finding(
            good=not verdict.aside,
            what=f"{verdict.model.split()[0]} with {verdict.build}: {verdict.reason} ({verdict.since})",
            advice="`edgewise models verify` its file; a repaired file or a new build is tried again"
            if verdict.aside
            else "",
        )


def _engine(config: Config) -> Iterator[Finding]:
    """Ask the running daemon; without one load the model here, as `edgewise run` would."""
    import httpx

    reach = connection(config)
    url = reach["base_url"]
    try:
        with httpx.Client(**reach, timeout=3) as client:
            health = client.get("/healthz").json()
        good = health["status"] == "ok"
        detail = health.get("detail", health["status"])
        yield Finding(good=good, what=f"daemon at {url}: {detail}", advice=health.get("hint", ""))
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        yield _port(config, url)
        if ModelStore(config.models_dir).installed() or config.model or not config.chooses:
            yield asyncio.run(_self_test(config))


def _port(config: Config, url: str) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            return Finding(
                good=False,
                what=f"{url} cannot be used: {error.strerror}",
                advice="stop what uses it, or choose another --port",
            )
    return Finding(good=True, what=f"no daemon runs at {url}; the port is free")


async def _self_test(config: Config) -> Finding:
    """Load the model that `edgewise run` would load, in an engine process of its own."""
    if not config.chooses and config.engine not in engines.names():
        return Finding(
            good=False, what=f"there is no engine {config.engine}", advice=f"engines: {', '.join(engines.names())}"
        )
    node = Node(here_and_now(config), engine_environment())
    try:
        node.start()
        await asyncio.wait_for(ready(node), _SELF_TEST)
    except EdgewiseError as error:
        return Finding(
            good=False, what=error.message, advice=error.hint or "run `make setup` again, or try another model"
        )
    except TimeoutError:
        return Finding(good=False, what=f"the model did not load within {_SELF_TEST} s", advice="try a smaller model")
    else:
        info = node.model
        build = info.build if info else ""
        return Finding(
            good=True, what=f"engine self-test passed: {node.health().model} in {node.load_seconds:.2f} s, {build}"
        )
    finally:
        await node.stop()
