"""Install a model."""

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.models.names import check_name
from agent.telemetry.calls import Call, Traits
from agent.telemetry.host import Host
from agent.telemetry.installing import install

TRAITS = Traits(slow=True, again=True, bare="reference")


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What, and under which name.

    Attributes:
        reference: `hf:owner/repo`, `hf:owner/repo/file.gguf`, `starter`, or a name in the catalogue.
        name: under which to install it; empty: as follows from its file.
        accept_licence: the conditions of its licence are accepted.
    """

    reference: Annotated[str, Meta(min_length=1, max_length=300)]
    name: Annotated[str, Meta(max_length=100)] = ""
    accept_licence: bool = False


class Installed(msgspec.Struct, frozen=True):
    """Name, bytes and hash of what is here now."""

    model: str
    bytes: int
    sha256: str


async def run(host: Host, args: Args, call: Call) -> Installed:
    """Install it, and answer when it is here and checked."""
    if args.name:
        check_name(args.name)
    name = await install(host, args.reference, args.name, call.progress, accept_licence=args.accept_licence)
    model = host.models.find(name)
    return Installed(model.name, model.bytes, model.sha256)
