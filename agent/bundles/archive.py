"""The frame around a bundle: ustar headers that are written in one way only, so that reading is comparing.

`tar tf` and `tar xf` understand them. Nothing is taken from a header but the size of the manifest and its signature.
"""

from agent.errors import BundleError
from agent.phrase import Phrase

MANIFEST, SIGNATURE = "manifest.json", "manifest.json.minisig"
BLOCK = 512
END = bytes(2 * BLOCK)
_SIZE = slice(124, 136)
_OCTAL_MOST = 8**11 - 1  # 8 GiB; larger sizes are binary, as GNU tar writes them


def header(name: str, size: int) -> bytes:
    """Return the only header that a member of this name and size may have."""
    fields = (
        name.encode().ljust(100, b"\0"),
        b"0000644\0" + b"0000000\0" + b"0000000\0",  # mode, owner, group
        _size_field(size),
        b"00000000000\0",  # time: the same content gives the same archive
        b" " * 8,  # where the checksum goes
        b"0" + bytes(100),  # a regular file
        b"ustar\00000" + bytes(64),  # its owners have no names
        b"0000000\0" + b"0000000\0" + bytes(167),
    )
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padding(size: int) -> int:
    """Return how many zeros follow a member of this size."""
    return -size % BLOCK


def size_in(block: bytes, name: str, most: int) -> int:
    """Return the size of a small member from its header.

    Raises:
        BundleError: this is not the header of that member, or it is too large.
    """
    digits = block[_SIZE].rstrip(b"\0 ")
    size = int(digits, 8) if digits and not digits.strip(b"01234567") else -1
    if not 0 <= size <= _OCTAL_MOST or block != header(name, size):
        missing = name == SIGNATURE
        raise BundleError(
            Phrase("bundles.unsigned", "It is not signed.")
            if missing
            else Phrase("bundles.no_bundle", "This is no edgewise bundle.")
        )
    if size > most:
        raise BundleError(
            Phrase(
                "bundles.member_large", "{name} has {size} bytes, of at most {most}.", name=name, size=size, most=most
            )
        )
    return size


def part_name(number: int) -> str:
    """Return the name of a part in the archive, from its place in the manifest; what it is called stands there."""
    return f"parts/{number:04}"


def whole_size(manifest: int, signature: int, parts: list[int]) -> int:
    """Return the bytes of an archive, from the sizes of its members."""
    return sum(BLOCK + size + padding(size) for size in (manifest, signature, *parts)) + len(END)


def _size_field(size: int) -> bytes:
    return b"%011o\0" % size if size <= _OCTAL_MOST else b"\x80" + size.to_bytes(11, "big")
