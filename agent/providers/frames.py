"""Frames between whoever looks for execution providers and the processes in which they are looked for and tried."""

import msgspec

from agent.providers.found import Provider


class Look(msgspec.Struct, tag="look", array_like=True, frozen=True):
    """List the providers of a plug-in library, or those of ONNX Runtime itself where it is empty."""

    library: str


class Try(msgspec.Struct, tag="try", array_like=True, frozen=True):
    """Compute a token on a provider, which is in this plug-in library."""

    provider: str
    library: str


class Listed(msgspec.Struct, tag="listed", array_like=True, frozen=True):
    """What `Look` has found."""

    providers: list[Provider]


class Tried(msgspec.Struct, tag="tried", array_like=True, frozen=True):
    """How `Try` went; `reason` is empty when the token was right."""

    reason: str


class Failed(msgspec.Struct, tag="failed", array_like=True, frozen=True):
    """Why there is no answer."""

    message: str


ToTrial = Look | Try
FromTrial = Listed | Tried | Failed
