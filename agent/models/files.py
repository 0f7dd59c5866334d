"""The files of a model on their way: what a source knows beforehand, and what has arrived."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class WheelMember:
    """The model file inside a wheel, or the folder of a model.

    Attributes:
        path: its path in the archive; that of a folder ends in `/`.
        size: bytes, or None when nobody has pinned it.
        sha256: lower-case hex, or None when nobody has pinned it.
    """

    path: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class SourceFile:
    """One model file that a source can deliver, with the files that belong to it.

    Attributes:
        reference: what the user asked for, such as `hf:owner/repo:Q4_K_M`.
        name: the name it gets when it is installed.
        filename: the name of the file in the model's directory; it may lie in a directory below.
        url: where to fetch it; empty for a file on this computer.
        path: the file on this computer, or None.
        size: bytes of what is fetched (the wheel, for a member of one), or None when the source does not say.
        sha256: lower-case hex of what is fetched, or None when the source does not say.
        etag: the fingerprint of a version for which there is no sha256, or empty.
        token: sent to the host of `url` only.
        licence: as the source names it, or empty.
        commit: the revision at the source, or empty.
        member: set when the model file is to be taken out of the fetched wheel.
        beside: the other files of the model, where it has several.
    """

    reference: str
    name: str
    filename: str
    url: str = ""
    path: Path | None = None
    size: int | None = None
    sha256: str | None = None
    etag: str = ""
    token: str | None = field(default=None, repr=False)
    licence: str = ""
    commit: str = ""
    member: WheelMember | None = None
    beside: tuple["SourceFile", ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether the model is a folder with several files."""
        return bool(self.beside) or (self.member is not None and self.member.path.endswith("/"))

    @property
    def whole(self) -> int | None:
        """Bytes of all files, or None when the source does not say."""
        sizes = [file.size for file in (self, *self.beside)]
        known = [size for size in sizes if size is not None]
        return sum(known) if len(known) == len(sizes) else None


@dataclass(frozen=True)
class FetchedFile:
    """A complete file on this computer whose bytes have been hashed."""

    path: Path
    size: int
    sha256: str
    etag: str = ""
