"""Public keys and signatures of minisign (https://jedisct1.github.io/minisign/#signature-format).

A signature names its key, and a trusted comment is covered by a second signature. `ED` signs the BLAKE2b-512 of the
data, `Ed`, of old versions, the data itself.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from agent.errors import BundleError
from agent.phrase import Phrase

LARGEST = 10_240  # bytes of a signature file; minisign's own comments have at most 8192
_UNTRUSTED, _TRUSTED = "untrusted comment: ", "trusted comment: "
_KEY_SIZE, _SIGNATURE_SIZE = 42, 74
_KEY = b"Ed"
PLAIN, HASHED = b"Ed", b"ED"


@dataclass(frozen=True)
class PublicKey:
    """Whom to trust: `id` finds the key to a signature, `key` are the 32 bytes of Ed25519."""

    id: bytes
    key: bytes

    @property
    def name(self) -> str:
        """The id as minisign shows it."""
        return self.id[::-1].hex().upper()

    def line(self) -> str:
        """Return the key in one line, as `minisign -P` and the setting `bundle_keys` take it."""
        return base64.b64encode(_KEY + self.id + self.key).decode()

    def file(self) -> str:
        """Return the content of a `.pub` file."""
        return f"{_UNTRUSTED}minisign public key {self.name}\n{self.line()}\n"


@dataclass(frozen=True)
class Signature:
    """What a `.minisig` file says."""

    algorithm: bytes
    key_id: bytes
    signature: bytes
    comment: str
    whole: bytes

    def verify(self, data: bytes, keys: Iterable[PublicKey]) -> PublicKey:
        """Return the key that has signed these data.

        Raises:
            BundleError: none of the keys has.
        """
        return self.verify_digest(hashlib.blake2b(data).digest() if self.algorithm == HASHED else data, keys)

    def verify_digest(self, signed: bytes, keys: Iterable[PublicKey]) -> PublicKey:
        """Return the key that has signed these bytes: the data, or with `ED` their BLAKE2b-512.

        Raises:
            BundleError: none of the keys has.
        """
        for key in keys:
            if key.id == self.key_id and _holds(key, self.signature, signed):
                if _holds(key, self.whole, self.signature + self.comment.encode()):
                    return key
                raise BundleError(Phrase("bundles.comment_forged", "The trusted comment of the signature was changed."))
        name = PublicKey(self.key_id, b"").name
        if any(key.id == self.key_id for key in keys):
            raise BundleError(
                Phrase(
                    "bundles.wrong_signature", "The signature of the key {name} is wrong: it was changed.", name=name
                )
            )
        raise BundleError(
            Phrase(
                "bundles.unknown_key", "It is signed with the key {name}, which this device does not trust.", name=name
            ),
            hint=Phrase(
                "bundles.unknown_key_hint", "trusted keys are in the setting `bundle_keys` and in STATE/keys/*.pub"
            ),
        )


def read_public_key(text: str) -> PublicKey:
    """Return the key in a `.pub` file, or in one line.

    Raises:
        BundleError: it is none.
    """
    lines = [line for line in text.strip().splitlines() if not line.startswith(_UNTRUSTED)]
    raw = decode64(lines[0]) if len(lines) == 1 else b""
    if len(raw) != _KEY_SIZE or raw[:2] != _KEY:
        raise BundleError(Phrase("bundles.no_key", "This is no public key of minisign: {text!r}.", text=text[:60]))
    return PublicKey(raw[2:10], raw[10:])


def read_signature(data: bytes) -> Signature:
    """Return the signature in a `.minisig` file.

    Raises:
        BundleError: it is none.
    """
    try:
        lines = data.decode().split("\n") if len(data) <= LARGEST else []
    except UnicodeDecodeError:
        lines = []
    lines = [line.removesuffix("\r") for line in lines]
    if len(lines) == 5 and not lines[4]:  # noqa: PLR2004 - the last line ends too
        lines.pop()
    if len(lines) != 4 or not lines[0].startswith(_UNTRUSTED) or not lines[2].startswith(_TRUSTED):  # noqa: PLR2004
        raise _damaged()
    raw, whole = decode64(lines[1]), decode64(lines[3])
    if len(raw) != _SIGNATURE_SIZE or raw[:2] not in {PLAIN, HASHED} or len(whole) != 64:  # noqa: PLR2004 - Ed25519
        raise _damaged()
    return Signature(raw[:2], raw[2:10], raw[10:], lines[2].removeprefix(_TRUSTED), whole)


def write_signature(signature: Signature) -> str:
    """Return the content of a `.minisig` file."""
    raw = base64.b64encode(signature.algorithm + signature.key_id + signature.signature).decode()
    whole = base64.b64encode(signature.whole).decode()
    return f"{_UNTRUSTED}signature of an edgewise bundle\n{raw}\n{_TRUSTED}{signature.comment}\n{whole}\n"


def decode64(text: str) -> bytes:
    """Return what is written in base64; nothing if that is not what it is."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _holds(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - 20 ms that only updates need
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - likewise

    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _damaged() -> BundleError:
    return BundleError(Phrase("bundles.no_signature", "Its signature is no signature of minisign."))
