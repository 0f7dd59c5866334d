"""What a bundle says about itself; read only after its signature was verified."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from agent.errors import BundleError
from agent.models.names import is_safe_path
from agent.phrase import Phrase

LARGEST = 256 << 10  # bytes
_MOST_PARTS = 1000
_LARGEST_TEXT = 1 << 20  # bytes of a part that is text

Kind: TypeAlias = Literal["model", "profile", "family", "config", "wheel"]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
Version = Annotated[str, Meta(pattern=r"^([0-9]{1,6}(\.[0-9]{1,6}){0,3})?$")]
Natural = Annotated[int, Meta(ge=0, le=1 << 50)]
Line = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]

_WHEEL = re.compile(
    r"[A-Za-z0-9_.]+-[A-Za-z0-9_.!+]+(-[0-9][A-Za-z0-9_.]*)?-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+\.whl"
)


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One file of a bundle.

    Attributes:
        kind: what it is for.
        name: of the model, profile or family; of settings and wheels anything.
        file: its name there; that of a file of an ONNX model may lie in a directory below.
        bytes: size.
        sha256: lower-case hex.
        source: of a model: the reference it was pulled from, by which the catalogue knows it.
        licence: of a model, as its source names it.
    """

    kind: Kind
    name: Name
    file: Annotated[str, Meta(max_length=200)]
    bytes: Natural
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    source: Line = ""
    licence: Line = ""

    def __post_init__(self) -> None:
        """Refuse what could be written where nothing belongs."""
        if not is_safe_path(self.file) or (self.kind != "model" and "/" in self.file):
            raise ValueError(f"{self.file!r} cannot be the name of a file")
        if self.kind == "model" and PurePosixPath(self.file).name.startswith("model.json"):
            raise ValueError("model.json is written by the device")
        if self.kind in {"profile", "family"} and self.file != f"{self.name}.toml":
            raise ValueError(f"the {self.kind} {self.name} must be called {self.name}.toml")
        if self.kind == "wheel" and not _WHEEL.fullmatch(self.file):
            raise ValueError(f"{self.file!r} is not the name of a wheel")
        if self.is_text and self.bytes > _LARGEST_TEXT:
            raise ValueError(f"{self.file} has {self.bytes} bytes, of at most {_LARGEST_TEXT}")

    @property
    def is_text(self) -> bool:
        """Whether people write it."""
        return self.kind in {"profile", "family", "config"}


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A bundle.

    Attributes:
        format: of bundles.
        name: of the line of updates that it belongs to.
        version: number within that line; a device never goes back to a lower one.
        parts: in the order of the archive.
        created: UTC, ISO 8601.
        title: for people.
        least: the oldest version of Edgewise that it is for; empty: any.
        most: the newest one.
        architectures: of processors that it is for, such as `aarch64`; empty: all.
        boards: names of firmware profiles that it is for; empty: all.
        serve: name of the model that is to serve from then on; empty: the device chooses as before.
    """

    format: Literal[1]
    name: Name
    version: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    parts: Annotated[list[Part], Meta(min_length=1, max_length=_MOST_PARTS)]
    created: Line = ""
    title: Line = ""
    least: Version = ""
    most: Version = ""
    architectures: Annotated[list[Name], Meta(max_length=20)] = []
    boards: Annotated[list[Name], Meta(max_length=100)] = []
    serve: str = ""

    def __post_init__(self) -> None:
        """Refuse parts that would overwrite each other, and a model to serve that is not among them."""
        places = [(part.kind, part.name if part.kind == "model" else "", part.file.lower()) for part in self.parts]
        if len(set(places)) < len(places):
            raise ValueError("two parts have the same place")
        if sum(part.kind == "config" for part in self.parts) > 1:
            raise ValueError("there are several files of settings")
        if self.serve and self.serve not in self.models():
            raise ValueError("the model to serve is not among the parts")

    @property
    def bytes(self) -> int:
        """Of all parts."""
        return sum(part.bytes for part in self.parts)

    def models(self) -> dict[str, list[Part]]:
        """Return the files of each model, by name."""
        found: dict[str, list[Part]] = {}
        for part in self.parts:
            if part.kind == "model":
                found.setdefault(part.name, []).append(part)
        return found

    def of_kind(self, kind: Kind) -> list[Part]:
        """Return the parts of a kind."""
        return [part for part in self.parts if part.kind == kind]


def decode(data: bytes) -> Manifest:
    """Return a manifest.

    Raises:
        BundleError: it is none, or contradicts itself.
    """
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(
            Phrase("bundles.manifest", "Its manifest cannot be used: {error}.", error=str(error))
        ) from error


def encode(manifest: Manifest) -> bytes:
    """Return a manifest as it is signed: JSON for people."""
    return msgspec.json.format(msgspec.json.encode(manifest))
