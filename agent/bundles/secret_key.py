"""Secret keys of minisign: made, read and signed with; the password is stretched with scrypt.

The layout: algorithms of signature, of the password and of the checksum, two bytes each; salt; the limits of libsodium;
then the key's id, the key and a checksum, xored with what the password gives.
"""

import base64
import hashlib
import os
import secrets
import struct
from dataclasses import dataclass

from agent.bundles.minisign import HASHED, PublicKey, Signature, decode64
from agent.errors import BundleError
from agent.phrase import Phrase

_HEAD = struct.Struct("<2s2s2s32sQQ")
_SIZE = 158
_SCRYPT, _NONE, _BLAKE2B = b"Sc", b"\0\0", b"B2"
_OPERATIONS, _MEMORY = 1 << 22, 1 << 27  # 128 MiB and about half a second: also on the boards that this runs on
_MOST_OPERATIONS, _MOST_MEMORY = 1 << 25, 1 << 30  # what minisign itself uses
_LEAST_OPERATIONS = 1 << 15
_COMMENT = "untrusted comment: minisign encrypted secret key"


@dataclass(frozen=True)
class SecretKey:
    """The key of whoever makes updates: `id`, and the 32 bytes that everything follows from."""

    id: bytes
    seed: bytes

    def public(self) -> PublicKey:
        """Return the key that devices are given."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - 20 ms, only needed here
            Ed25519PrivateKey,
        )

        return PublicKey(self.id, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def sign(self, data: bytes, comment: str) -> Signature:
        """Sign data of any size, and a comment of one line."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - 20 ms, only needed here
            Ed25519PrivateKey,
        )

        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        signature = key.sign(hashlib.blake2b(data).digest())
        return Signature(HASHED, self.id, signature, comment, key.sign(signature + comment.encode()))

    def file(self, password: str) -> str:
        """Return the content of a key file, which needs the password; empty: none."""
        inner = self.id + self.seed + self.public().key
        inner += _checksum(inner)
        if password:
            salt = os.urandom(32)
            head = _HEAD.pack(b"Ed", _SCRYPT, _BLAKE2B, salt, _OPERATIONS, _MEMORY)
            inner = _xor(inner, _stretch(password, salt, _OPERATIONS, _MEMORY))
        else:
            head = _HEAD.pack(b"Ed", _NONE, _BLAKE2B, bytes(32), 0, 0)
        return f"{_COMMENT}\n{base64.b64encode(head + inner).decode()}\n"


def make_key() -> SecretKey:
    """Return a new key."""
    return SecretKey(os.urandom(8), os.urandom(32))


def is_encrypted(text: str) -> bool:
    """Tell whether a key file needs a password."""
    return _raw(text)[2:4] == _SCRYPT


def read_secret_key(text: str, password: str = "") -> SecretKey:
    """Return the key in a key file.

    Raises:
        BundleError: it is none, or the password is wrong.
    """
    raw = _raw(text)
    _, way, _, salt, operations, memory = _HEAD.unpack_from(raw)
    inner = raw[_HEAD.size :]
    if way == _SCRYPT:
        if operations > _MOST_OPERATIONS or memory > _MOST_MEMORY:
            raise _no_key()
        inner = _xor(inner, _stretch(password, salt, operations, memory))
        if not secrets.compare_digest(_checksum(inner[:72]), inner[72:]):
            raise BundleError(Phrase("bundles.wrong_password", "The password of the key is wrong."))
    elif (
        SecretKey(inner[:8], inner[8:40]).public().key != inner[40:72]
    ):  # minisign writes no checksum without a password
        raise _no_key()
    return SecretKey(inner[:8], inner[8:40])


def _raw(text: str) -> bytes:
    lines = text.strip().splitlines()
    raw = decode64(lines[-1]) if len(lines) == 2 else b""  # noqa: PLR2004 - a comment and the key
    if len(raw) != _SIZE or raw[:2] != b"Ed" or raw[2:4] not in {_SCRYPT, _NONE} or raw[4:6] != _BLAKE2B:
        raise _no_key()
    return raw


def _checksum(inner: bytes) -> bytes:
    return hashlib.blake2b(b"Ed" + inner, digest_size=32).digest()


def _stretch(password: str, salt: bytes, operations: int, memory: int) -> bytes:
    """Do what libsodium's crypto_pwhash_scryptsalsa208sha256 does with these limits (its function pickparams)."""
    operations = max(operations, _LEAST_OPERATIONS)
    few = operations < memory // 32
    most = operations // 32 if few else memory // 1024
    cost = 2
    while cost <= most // 2:
        cost *= 2
    parallel = 1 if few else max(1, min(operations // 4 // cost, (1 << 30) - 1) // 8)
    room = 128 * 8 * (cost + parallel + 2) + (1 << 20)
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=8, p=parallel, maxmem=room, dklen=104)


def _xor(first: bytes, second: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(first, second, strict=True))


def _no_key() -> BundleError:
    return BundleError(Phrase("bundles.no_secret_key", "This is no secret key of minisign."))
