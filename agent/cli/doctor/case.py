"""What the examination knows before it begins."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TypeAlias

import msgspec
from msgspec.structs import replace

from agent.cli.daemon import connection
from agent.config import Config
from agent.errors import ConfigError
from agent.state import Health

_PATIENCE = 3.0  # seconds for the daemon to answer

Answer: TypeAlias = Literal["none", "silent", "well"]


@dataclass(frozen=True)
class Case:
    """A device.

    Attributes:
        config: what the command was started with.
        origins: for each setting where its value came from.
        url: where the daemon should be.
        answer: none: nobody is there, or not one of ours; silent: a daemon that does not tell us; well: it tells.
        health: what it tells.
        root: of /proc and /sys.
    """

    config: Config
    origins: Mapping[str, str]
    url: str = ""
    answer: Answer = "none"
    health: Health | None = None
    root: Path = Path("/")

    @classmethod
    def of(cls, config: Config, origins: Mapping[str, str]) -> Self:
        """Return the case of this device; a daemon that runs is asked how it is."""
        import httpx

        try:
            reach = connection(config)
        except ConfigError:  # the look at the door says what is wrong with the certificate
            return cls(config, origins)
        except PermissionError:  # the certificate is another user's; whoever answers there sends plain http away
            reach = connection(replace(config, tls="off"))
        url = reach["base_url"]
        try:
            with httpx.Client(**reach, timeout=_PATIENCE) as client:
                reply = client.get("/healthz")
            sent_away = config.tls != "off" and reply.is_redirect
            if sent_away or reply.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
                return cls(config, origins, url, "silent")
            return cls(config, origins, url, "well", msgspec.json.decode(reply.content, type=Health))
        except (httpx.HTTPError, msgspec.MsgspecError):
            return cls(config, origins, url)

    def enter(self) -> None:
        """See whether this user may look into the state directory.

        Raises:
            PermissionError: it is another user's.
        """
        with contextlib.suppress(FileNotFoundError):
            self.config.models_dir.stat()
