"""The local key: by it the daemon knows the command line of its computer. It is made anew at every start."""

import contextlib
import hmac
from pathlib import Path

from agent.errors import StoreError
from agent.security.identity import Identity
from agent.security.tokens import new_secret

_FILE = "local-key"
_PREFIX = "esl_"

LOCAL = Identity("", "this computer", scopes=frozenset({"admin"}))
"""Who asks with the local key, and who works on the command line."""


class LocalKey:
    """The key of one daemon.

    Args:
        state_dir: where it is written, so that only the daemon's user and root can read it.
    """

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / _FILE
        self._secret = ""

    def create(self) -> None:
        """Make a key and write it.

        Raises:
            StoreError: it cannot be written.
        """
        secret = _PREFIX + new_secret()
        temporary = self._path.with_name(f"{_FILE}.new")
        try:
            temporary.unlink(missing_ok=True)  # it may have been left behind, and with other permissions
            temporary.touch(0o600, exist_ok=False)
            temporary.write_text(secret, encoding="ascii")
            temporary.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise StoreError(
                f"{self._path} cannot be written: {error.strerror}.", hint=f"Is {self._path.parent} writable?"
            ) from error
        self._secret = secret

    def remove(self) -> None:
        """Delete it, unless another daemon has written its own meanwhile."""
        if self._secret and read_local_key(self._path.parent) == self._secret:
            with contextlib.suppress(OSError):
                self._path.unlink()
        self._secret = ""

    def identify(self, secret: str) -> Identity | None:
        """Return who asks if this is the key, else None."""
        given, expected = secret.encode("utf-8", "surrogatepass"), self._secret.encode()
        return LOCAL if expected and hmac.compare_digest(given, expected) else None


def read_local_key(state_dir: Path) -> str:
    """Return the key of the daemon that works with this directory; empty when none runs or it may not be read."""
    try:
        return (state_dir / _FILE).read_text(encoding="ascii")
    except OSError:
        return ""
