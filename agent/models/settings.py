"""What the model sources and the downloader can be told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.models.disk import require_space

_MIB = 1 << 20


@dataclass(frozen=True)
class SourceSettings:
    """Where models come from.

    Attributes:
        hf_endpoint: a hub that speaks the Hugging Face API.
        hf_token: sent to that hub and to nobody else.
        pypi_index: a package index with the simple API.
        offline: refuse every source that needs a network, at once.
    """

    hf_endpoint: str = "https://huggingface.co"
    hf_token: str | None = field(default=None, repr=False)
    pypi_index: str = "https://pypi.org/simple"
    offline: bool = False


@dataclass(frozen=True)
class TransferSettings:
    """How patient a transfer is, and what it leaves to others.

    Attributes:
        connect_timeout: seconds until a host counts as unreachable.
        stall_timeout: seconds without a byte until the connection counts as dead.
        patience: seconds without progress, over all attempts, until the transfer is given up.
        backoff: seconds before the second attempt; doubles with each one that follows.
        reserve: bytes of free disk that a model never takes.
        max_rate: bytes per second, or None for as fast as it goes.
        sync_every: bytes between two writes through to the disk; what a power cut can cost.
        make_room: is told, in any thread, how many bytes of a model are to be written, and may remove others.
    """

    connect_timeout: float = 10.0
    stall_timeout: float = 30.0
    patience: float = 300.0
    backoff: float = 1.0
    reserve: int = 256 * _MIB
    max_rate: int | None = None
    sync_every: int = 64 * _MIB
    make_room: Callable[[int], None] = field(default=lambda _: None, repr=False)

    def require(self, directory: Path, needed: int) -> None:
        """Raise DownloadError when so many more bytes do not fit, after what may go has made room."""
        self.make_room(needed)
        require_space(directory, needed, self.reserve)
