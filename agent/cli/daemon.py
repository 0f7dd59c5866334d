"""How the commands talk to a daemon that runs on this computer."""

import ssl
from pathlib import Path
from typing import TypedDict

from agent.certificate import certificate
from agent.config import Config
from agent.security.local_key import read_local_key

_HERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where a daemon answers that listens everywhere


class Connection(TypedDict):
    """What an httpx client is made with."""

    base_url: str
    headers: dict[str, str]
    verify: ssl.SSLContext | bool
    trust_env: bool


def connection(config: Config) -> Connection:
    """Return how the daemon is reached that these settings describe; the right to use it lies in its state directory.

    Raises:
        ConfigError: `tls = files` lacks one of the files.
    """
    key, ours = read_local_key(config.state_dir), certificate(config)
    host = _HERE.get(config.host, config.host)
    return Connection(
        base_url=f"{'https' if ours else 'http'}://{f'[{host}]' if ':' in host else host}:{config.port}",
        headers={"Authorization": f"Bearer {key}"} if key else {},
        verify=_trusting(ours.chain) if ours else True,
        trust_env=False,
    )


def _trusting(chain: Path) -> ssl.SSLContext | bool:
    """Return a context that trusts this certificate whatever the name: the file says whose it is, not an authority."""
    if not chain.is_file():
        return True
    context = ssl.create_default_context(cafile=str(chain))
    context.check_hostname = False
    return context
