"""Have another model serve; one of the catalogue is installed first."""

from contextlib import suppress
from time import monotonic
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.errors import ConfigError, EngineError, ModelNotFoundError
from agent.telemetry.calls import Call, Traits
from agent.telemetry.host import Host
from agent.telemetry.installing import install, installed_name, require_room
from agent.telemetry.jobs.serving import chosen, until_serves
from agent.wishes import AUTO

TRAITS = Traits(slow=True, again=True, bare="model")


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model.

    Attributes:
        model: name of an installed model, or one of the catalogue, also as `NAME:QUANTIZATION` or `hf:owner/repo/file`;
            `auto`: the best one for this device.
        accept_licence: the conditions of its licence are accepted.
        force: try it although it is expected not to fit.
    """

    model: Annotated[str, Meta(min_length=1, max_length=300)]
    accept_licence: bool = False
    force: bool = False


class Serving(msgspec.Struct, frozen=True):
    """What serves now, its context length in tokens, and the seconds until it did."""

    model: str
    context: int
    seconds: float


async def run(host: Host, args: Args, call: Call) -> Serving:
    """Install it if need be, switch, and answer when it serves; if it cannot be run, what was chosen before is back."""
    begun, before = monotonic(), chosen(host)
    if host.config.model:
        raise ConfigError(f"The configuration says what serves: {host.config.model}.")
    name = args.model if args.model == AUTO else await _here(host, args, call)
    full = host.use_model(name)
    if full:
        try:
            await until_serves(host, full)
        except EngineError:
            if full in host.failures:
                _use(host, before)
            raise
    return Serving(next(iter(host.names()), ""), host.model.context if host.model else 0, round(monotonic() - begun, 3))


async def _here(host: Host, args: Args, call: Call) -> str:
    """Return the full name of the model, once it is installed."""
    name = installed_name(host, args.model)
    if not name:
        return await install(host, args.model, "", call.progress, accept_licence=args.accept_licence)
    state = host.selection()
    if not args.force and name not in host.names():
        require_room(state.selection.of_installed(name) if state else None)
    return name


def _use(host: Host, before: str) -> None:
    with suppress(ModelNotFoundError):
        host.use_model(before or AUTO)
