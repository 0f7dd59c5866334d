"""Making a certificate that only its own key vouches for. Imported when that is wanted: it takes 13 MB of memory."""

import datetime as dt
import ipaddress
import os
from collections.abc import Collection
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.durable import rename_durably

# Valid from a fixed day of the past: a small computer without a battery starts in 1970.
_FIRST_DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_LIFETIME = dt.timedelta(days=3653)
_RENEW_BEFORE = dt.timedelta(days=30)
_SUBJECT = "Edgewise"


def renew(chain: Path, key: Path, names: Collection[str], now: dt.datetime) -> None:
    """Make a certificate if there is none that has all the names and is valid for some time; the key stays.

    Args:
        chain: file of the certificate.
        key: file of its private key.
        names: host names and addresses.
        now: the time, which may be wrong.

    Raises:
        OSError: a file cannot be written.
        ValueError: a file has something else in it.
    """
    old = x509.load_pem_x509_certificate(chain.read_bytes()) if chain.exists() and key.exists() else None
    if old and set(names) <= _names(old) and now < old.not_valid_after_utc - _RENEW_BEFORE:
        return
    fresh = _sign(_private_key(key), names, max(now, _FIRST_DAY))
    _write(chain, fresh.public_bytes(serialization.Encoding.PEM))


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return our key, which is made the first time."""
    if path.exists():
        kept = serialization.load_pem_private_key(path.read_bytes(), None)
        if not isinstance(kept, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{path} is no key of an elliptic curve")
        return kept
    made = ec.generate_private_key(ec.SECP256R1())
    form, encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    _write(path, made.private_bytes(serialization.Encoding.PEM, form, encryption))
    return made


def _sign(key: ec.EllipticCurvePrivateKey, names: Collection[str], start: dt.datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _SUBJECT)])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(_FIRST_DAY)
        .not_valid_after(start + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .sign(key, hashes.SHA256())
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(old: x509.Certificate) -> set[str]:
    found = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in found}


def _write(path: Path, data: bytes) -> None:
    """Replace a file, readable only for us from its first byte on."""
    temporary = path.with_name(path.name + ".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    rename_durably(temporary, path)
