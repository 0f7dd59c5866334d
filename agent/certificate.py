"""The certificate of this device, for https: one that it makes and signs itself, or files of the owner's.

Nobody vouches for a certificate of our own. Who opens the device for the first time compares its fingerprint with the
one in the terminal, once, and from then on the browser notices when somebody else answers in its place.
"""

import datetime as dt
import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from agent.config import Config
from agent.errors import ConfigError, StoreError
from agent.hostnames import addresses, announced_names, host_names, unique_name

_CHAIN, _KEY = "tls-certificate.pem", "tls-key.pem"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where a certificate, with those that vouch for it, and its private key are: two PEM files."""

    chain: Path
    key: Path

    def fingerprint(self) -> str:
        """Return the SHA-256 of the certificate as browsers show it: pairs of hexadecimal digits.

        Raises:
            ConfigError: there is no certificate in the file.
        """
        try:
            text = self.chain.read_text(encoding="ascii")
            first = text[text.index(ssl.PEM_HEADER) : text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)]
            der = ssl.PEM_cert_to_DER_cert(first)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.chain} has no certificate that can be read: {error}.") from error
        return hashlib.sha256(der).digest().hex(":").upper()

    def check(self) -> None:
        """Find out whether a server can use it.

        Raises:
            ConfigError: a file is missing or broken, or the key is of another certificate.
        """
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.chain, self.key, password="")
        except OSError as error:  # ssl.SSLError is one
            mismatch = "KEY_VALUES_MISMATCH" in str(error)
            why = "the key is of another certificate" if mismatch else f"{error.strerror or error}"
            raise ConfigError(
                f"tls_cert {self.chain} and tls_key {self.key} cannot be used: {why}.",
                hint="Both are PEM files that the daemon can read; the key has no passphrase.",
            ) from error


def certificate(config: Config) -> Certificate | None:
    """Return the certificate that is to be used, as the settings say; None with `tls = off`.

    Raises:
        ConfigError: `tls = files` lacks one of the files.
    """
    if config.tls == "off":
        return None
    if config.tls == "self":
        return Certificate(config.state_dir / _CHAIN, config.state_dir / _KEY)
    if config.tls_cert is None or config.tls_key is None:
        missing = "tls_cert" if config.tls_cert is None else "tls_key"
        raise ConfigError(f"tls = files needs {missing}.", hint="Or let the device make its own: tls = self.")
    return Certificate(config.tls_cert, config.tls_key)


def prepare(config: Config, device: str, identifier: str) -> Certificate | None:
    """Return the certificate to serve with; our own is made, and made anew when it lacks a name or is about to expire.

    Args:
        config: the settings.
        device: what the owner calls the device.
        identifier: its id, which it has for good.

    Raises:
        ConfigError: the files of the owner cannot be used.
        StoreError: our own cannot be written.
    """
    wanted = certificate(config)
    if wanted is None:
        return None
    if config.tls == "self":
        _renew(wanted, config, device, identifier)
    wanted.check()
    return wanted


def _renew(ours: Certificate, config: Config, device: str, identifier: str) -> None:
    from agent.self_signed import renew  # noqa: PLC0415 - cryptography takes 13 MB that plain http does not need

    announced = [unique_name(identifier), *announced_names(device)]  # which of them is free shows only in the network
    names = [name for name in host_names(device, [*announced, *config.names]) if name.isascii()]
    names += [*map(str, addresses()), *_LOOPBACK]
    try:
        renew(ours.chain, ours.key, names, dt.datetime.now(dt.UTC))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"The certificate {ours.chain} cannot be made: {error}.",
            hint=f"Remove {ours.chain.name} and {ours.key.name} if they are damaged; both are made anew.",
        ) from error
