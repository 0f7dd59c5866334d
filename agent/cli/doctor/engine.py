"""The engine: what the daemon says of it; without a daemon a model is loaded here, as `edgewise run` would."""

import asyncio
from collections.abc import Iterator

from agent import engines, providers
from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.cli.terminal import here_and_now, ready
from agent.config import Config, engine_environment
from agent.errors import EdgewiseError
from agent.models import ModelStore
from agent.node import Node
from agent.providers.words import describe
from agent.state import Health

_SELF_TEST = 120  # seconds until a model that does not load counts as broken
_BUILT_IN = "models run on the processor instead; its drivers may be missing or too old"


def providers_look(case: Case) -> Iterator[Finding]:
    """Try what ONNX Runtime can compute on; what the owner has named must work."""
    config = case.config
    for provider in asyncio.run(providers.find(config.state_dir, config.onnx_ep_libraries, engine_environment())):
        words = f"ONNX Runtime on {describe(provider)}"
        if provider.usable:
            yield ok(words)
        elif provider.library:
            advice = f"look at its drivers and its version, or take {provider.library} out of `onnx_ep_libraries`"
            yield bad("provider", words, advice)
        else:
            yield ok(words, _BUILT_IN)


def look(case: Case) -> Iterator[Finding]:
    """Yield how the engine is doing."""
    config = case.config
    if case.health is not None:
        yield from _told(case.health, case.url)
    elif case.answer == "silent":
        yield warn("other-user", f"a daemon runs at {case.url} and does not tell us more", "say `sudo edgewise doctor`")
    elif ModelStore(config.models_dir).installed() or config.model or not config.chooses:
        yield asyncio.run(_self_test(config))


def _told(health: Health, url: str) -> Iterator[Finding]:
    said = health.detail or health.status
    words, public = f"daemon at {url}: {said}", f"daemon: {said}"
    if health.status == "ok":
        yield ok(words, health.hint, public=public)
    else:
        advice = health.hint or "wait a little; `journalctl -u edgewise` says more"
        yield bad("not-ready", words, advice, public=public)
    if health.restarts:
        often = "once" if health.restarts == 1 else f"{health.restarts} times"
        advice = "see the page Logs; another model or a repaired file may help: `edgewise models verify`"
        yield warn("engine-crashes", f"the engine has died {often} since the daemon was started", advice)


async def _self_test(config: Config) -> Finding:
    """Load the model that `edgewise run` would load, in an engine process of its own."""
    if not config.chooses and config.engine not in engines.names():
        return bad("no-engine", f"there is no engine {config.engine}", f"engines: {', '.join(engines.names())}")
    node = Node(here_and_now(config), engine_environment())
    try:
        node.start()
        await asyncio.wait_for(ready(node), _SELF_TEST)
    except EdgewiseError as error:
        return bad("self-test", error.message, error.hint or "run `make setup` again, or try another model")
    except TimeoutError:
        return bad("self-test", f"the model did not load within {_SELF_TEST} s", "try a smaller model")
    else:
        build = node.model.build if node.model else ""
        return ok(f"engine self-test passed: {node.health().model} in {node.load_seconds:.2f} s, {build}")
    finally:
        await node.stop()
