"""Reads a bundle from its beginning to its end, once: the signature first, and nothing else before it holds."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.bundles import archive, minisign
from agent.bundles import manifest as manifests
from agent.bundles.archive import BLOCK, END
from agent.bundles.manifest import Manifest, Part
from agent.bundles.minisign import PublicKey
from agent.errors import BundleError
from agent.phrase import Phrase

_CHUNK = 1 << 20
_FILLING = 20 * BLOCK


class Source(Protocol):
    """Where bytes come from: a file, or a request."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, and none only at the end."""


@dataclass(frozen=True)
class Bundle:
    """A bundle whose signature holds; its parts are yet to come from `source`.

    Attributes:
        manifest: what it brings.
        key: whose it is.
        comment: the trusted comment of the signature.
        source: stands at the first part.
    """

    manifest: Manifest
    key: PublicKey
    comment: str
    source: Source

    def parts(self) -> Iterator[tuple[Part, Iterator[bytes]]]:
        """Yield each part with its content, which is to be taken to its end: only then it is known to be right.

        Raises:
            BundleError: the bundle ends early, goes on after its end, or a part is not what was signed.
        """
        for number, part in enumerate(self.manifest.parts):
            name = archive.part_name(number)
            if _exactly(self.source, BLOCK) != archive.header(name, part.bytes):
                raise _changed(part.file)
            yield part, _content(self.source, part)
        if any(_exactly(self.source, len(END))) or any(_rest(self.source)):
            raise BundleError(Phrase("bundles.after_end", "It goes on where it must end."))


def open_bundle(source: Source, keys: Sequence[PublicKey]) -> Bundle:
    """Return a bundle that one of these has signed.

    Raises:
        BundleError: nobody has, or it is none.
    """
    written, signature = read_head(source)
    key = signature.verify(written, keys)
    return Bundle(manifests.decode(written), key, signature.comment, source)


def read_head(source: Source) -> tuple[bytes, minisign.Signature]:
    """Return the manifest as it was signed, and its signature, which is not verified yet.

    Raises:
        BundleError: it is no bundle, or not signed.
    """
    written = _small(source, archive.MANIFEST, manifests.LARGEST)
    return written, minisign.read_signature(_small(source, archive.SIGNATURE, minisign.LARGEST))


def _small(source: Source, name: str, most: int) -> bytes:
    size = archive.size_in(_exactly(source, BLOCK), name, most)
    content = _exactly(source, size)
    _padding(source, size)
    return content


def _content(source: Source, part: Part) -> Iterator[bytes]:
    digest, left = hashlib.sha256(), part.bytes
    while left:
        chunk = source.read(min(_CHUNK, left))
        if not chunk:
            raise _truncated()
        digest.update(chunk)
        left -= len(chunk)
        yield chunk
    _padding(source, part.bytes)
    if digest.hexdigest() != part.sha256:
        raise _changed(part.file)


def _padding(source: Source, size: int) -> None:
    if any(_exactly(source, archive.padding(size))):
        raise BundleError(Phrase("bundles.no_bundle", "This is no edgewise bundle."))


def _exactly(source: Source, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        chunk = source.read(size - len(found))
        if not chunk:
            raise _truncated()
        found += chunk
    return bytes(found)


def _rest(source: Source) -> bytes:
    """Return what follows the end: `tar` fills up with zeros."""
    found = b""
    while len(found) <= _FILLING and (chunk := source.read(_FILLING)):
        found += chunk
    return found if len(found) <= _FILLING else b"more"


def _truncated() -> BundleError:
    return BundleError(Phrase("bundles.truncated", "It ends too early: a part of it is missing."))


def _changed(name: str) -> BundleError:
    return BundleError(Phrase("bundles.changed", "{name} in it was changed after it was signed.", name=name))
