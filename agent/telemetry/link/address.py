"""Where the broker is, and as whom to sign in."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agent.errors import ConfigError
from agent.phrase import Phrase

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_WEB = {"ws", "wss"}


@dataclass(frozen=True)
class Endpoint:
    """What the URL says."""

    host: str
    port: int
    tls: bool
    username: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Address:
    """A broker, and the device's identity there.

    Attributes:
        url: as `mqtt://HOST[:PORT]` or `mqtts://HOST[:PORT]`; a name and a password in it are used, and never shown.
        username: empty: the one of the URL, else the client id where there is a password.
        password_file: read again at each try, so that a new password needs no restart; comes before the one of the URL.
        ca: certificates to trust, PEM; else those of the system.
        cert: certificate of this device, PEM, with its `key` unless that is in the same file.
    """

    url: str = field(repr=False)
    client_id: str
    username: str = ""
    password_file: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    def endpoint(self) -> Endpoint:
        """Return what the URL says.

        Raises:
            ConfigError: it cannot be used, or is for an open connection although there are files for a secure one.
        """
        found = _parsed(self.url)
        if not found.tls and (self.ca or self.cert):
            raise ConfigError(
                Phrase(
                    "link.not_encrypted",
                    "There are certificates for {place}, but mqtt:// is not encrypted.",
                    place=found,
                ),
                hint=Phrase("link.not_encrypted_hint", "Write mqtts:// in mqtt_url, or remove mqtt_ca and mqtt_cert."),
            )
        return found

    def login(self) -> tuple[str, str]:
        """Return user name and password; empty ones are not sent.

        Raises:
            ConfigError: the password file cannot be read.
        """
        url = self.endpoint()
        password = self._password() or url.password
        return self.username or url.username or (self.client_id if password else ""), password

    def context(self) -> ssl.SSLContext:
        """Return how to encrypt.

        Raises:
            ConfigError: a file of certificates or the key cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise _unusable("mqtt_ca", self.ca, error) from error
        if self.cert:
            try:
                context.load_cert_chain(self.cert, self.key)
            except OSError as error:
                raise _unusable("mqtt_cert", self.cert, error) from error
        context.sslsocket_class = _Socket
        return context

    def _password(self) -> str:
        if self.password_file is None:
            return ""
        try:
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable("mqtt_password_file", self.password_file, error) from error


class _Socket(ssl.SSLSocket):
    """Closes itself when the handshake fails; paho would leave that to the garbage collection."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - as the standard library has it
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _parsed(url: str) -> Endpoint:
    shown = re.sub(r"//.*@", "//", url)  # without name and password
    hint = Phrase("link.url_hint", "Write mqtt://HOST or mqtts://HOST, with :PORT if it is not 1883 or 8883.")
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise ConfigError(Phrase("link.url", "{url} is no address of an MQTT broker.", url=shown), hint=hint) from error
    if parts.scheme in _WEB:
        raise ConfigError(
            Phrase("link.websocket", "{url} is MQTT over WebSocket, which Edgewise does not speak.", url=shown),
            hint=Phrase("link.websocket_hint", "Use the broker's port for plain MQTT, as mqtt:// or mqtts://."),
        )
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigError(Phrase("link.url", "{url} is no address of an MQTT broker.", url=shown), hint=hint)
    name, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Endpoint(parts.hostname, port, parts.scheme == "mqtts", name, password)


def _unusable(setting: str, place: Path | None, error: Exception) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ConfigError(
        Phrase("link.file", "{setting} {place} cannot be used: {error}.", setting=setting, place=place, error=why),
        hint=Phrase("link.file_hint", "Does the file exist, and may Edgewise read it?"),
    )
