"""A certificate authority for tests."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


@dataclass
class Authority:
    """Signs certificates, whose files are in its folder."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {self.folder.name}")])
        self.certificate = self.folder / "authority.pem"
        now = dt.datetime.now(dt.UTC)
        builder = self._builder(self._name, self._key, now - _DAY)
        signed = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
            self._key, hashes.SHA256()
        )
        self.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, start: dt.timedelta = -_DAY) -> tuple[Path, Path]:
        """Return the files of a certificate and its key.

        Args:
            name: a host name or an address, or what a client is called.
            start: when it becomes valid, from now; it lasts for ten days.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, dt.datetime.now(dt.UTC) + start)
        signed = builder.add_extension(x509.SubjectAlternativeName([_general(name)]), critical=False).sign(
            self._key, hashes.SHA256()
        )
        chain, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        form, encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))
        return chain, secret

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, start: dt.datetime
    ) -> x509.CertificateBuilder:
        number = x509.random_serial_number()
        builder = x509.CertificateBuilder(self._name, subject, key.public_key(), number)
        return builder.not_valid_before(start).not_valid_after(start + 10 * _DAY)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
