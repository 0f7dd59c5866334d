"""A Hugging Face hub: `hf:owner/repo`, `hf:owner/repo:Q4_K_M`, `hf:owner/repo/file.gguf`, then `@revision`.

A repository without GGUF files may hold ONNX models: `hf:owner/repo/folder`, `hf:owner/repo:q4`.

The revision is turned into a commit and the hub's sha256 is taken over: what is fetched is one exact file.
"""

import re
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from agent.errors import DownloadError, ModelError, ModelNotFoundError
from agent.models.files import SourceFile
from agent.models.names import model_name, safe_filename
from agent.models.needed import files_inside, folder_name, folders_of, locate, needed
from agent.models.settings import SourceSettings
from agent.models.transport import Http
from agent.phrase import Phrase

REMOTE = True
ANYWHERE = False

_REFERENCE = re.compile(
    r"hf:(?P<repo>[\w.-]+/[\w.-]+)"
    r"(?:/(?P<file>[^@]+\.gguf)|/(?P<folder>[\w.+-]+(?:/[\w.+-]+)*)|:(?P<quant>[\w-]+))?(?:@(?P<revision>[\w./-]+))?"
)
_OTHER_FILE = re.compile(r"\.(?!onnx$)[a-z][a-z0-9]*$", re.IGNORECASE)
# From the usual choice for small computers to what costs more memory or quality.
_PREFERRED = ("Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1", "IQ4_NL", "IQ4_XS", "Q5_K_M", "Q5_K_S", "Q6_K", "Q8_0")
_UNUSABLE = re.compile(r"mmproj|imatrix|-\d{5}-of-\d{5}")  # not a language model, or a part of one


_MAX_PAGES = 100  # of a thousand files each

_T = TypeVar("_T")


class _Lfs(msgspec.Struct, frozen=True):
    oid: str


class _Entry(msgspec.Struct, frozen=True):
    path: str
    size: int = 0
    lfs: _Lfs | None = None


class _Card(msgspec.Struct, frozen=True):
    license: str | list[str] | None = None


class _Revision(msgspec.Struct, frozen=True):
    sha: str
    card: _Card | None = msgspec.field(name="cardData", default=None)


@dataclass(frozen=True)
class _Wanted:
    repo: str
    file: str | None
    folder: str | None
    quantization: str | None
    revision: str


def accepts(reference: str) -> bool:
    """Tell whether `reference` begins with `hf:`."""
    return reference.startswith("hf:")


async def resolve(reference: str, settings: SourceSettings, http: Http) -> SourceFile:
    """Ask the hub for the commit, the file and its hash.

    Raises:
        ModelNotFoundError: no such repository, revision, file or quantization.
        ModelError: the reference is malformed.
        DownloadError: the hub cannot be reached, refuses or cannot be understood.
    """
    wanted = _parse(reference)
    hub = _Hub(settings.hf_endpoint.rstrip("/"), _checked_token(settings), http)
    revision = await hub.revision(wanted)
    entries = await hub.files(wanted.repo, revision.sha)

    def described(entry: _Entry, name: str, filename: str) -> SourceFile:
        return SourceFile(
            reference=reference,
            name=name,
            filename=filename,
            url=f"{hub.endpoint}/{wanted.repo}/resolve/{revision.sha}/{urllib.parse.quote(entry.path)}",
            size=entry.size,
            sha256=entry.lfs.oid if entry.lfs else None,
            token=hub.token,
            licence=_licence(revision),
            commit=revision.sha,
        )

    if folder := _choose_folder(entries, wanted):
        name, files = folder
        main, *beside = (described(entry, name, filename) for filename, entry in files.items())
        return replace(main, beside=tuple(beside))
    entry = _choose(entries, wanted)
    filename = entry.path.rsplit("/", 1)[-1]
    return described(entry, model_name(filename), safe_filename(filename))


@dataclass(frozen=True)
class _Hub:
    """The two questions that are asked of a hub."""

    endpoint: str
    token: str | None
    http: Http

    async def revision(self, wanted: _Wanted) -> _Revision:
        revision = urllib.parse.quote(wanted.revision, safe="")
        url = f"{self.endpoint}/api/models/{wanted.repo}/revision/{revision}"
        page = await self.http.get(url, what=f"{wanted.repo}@{wanted.revision}", token=self.token)
        return _decode(page.body, _Revision)

    async def files(self, repo: str, commit: str) -> list[_Entry]:
        entries: list[_Entry] = []
        url = f"{self.endpoint}/api/models/{repo}/tree/{commit}?recursive=true"
        for _ in range(_MAX_PAGES):
            is_hub = url.startswith(f"{self.endpoint}/")  # a page may link to another host
            page = await self.http.get(url, what=repo, token=self.token if is_hub else None)
            entries += _decode(page.body, list[_Entry])
            if page.next_url is None:
                return entries
            url = page.next_url
        raise DownloadError(Phrase("errors.endless_list", "The hub's list of files of {repo} does not end.", repo=repo))


def _parse(reference: str) -> _Wanted:
    match = _REFERENCE.fullmatch(reference)
    if match is None or ".." in re.split("[:/]", reference) or _OTHER_FILE.search(match["folder"] or ""):
        raise ModelError(
            Phrase("errors.hub_malformed", "{reference!r} is malformed.", reference=reference),
            hint=Phrase("errors.hub_malformed_hint", "Write `hf:owner/repo:Q4_K_M` or `hf:owner/repo/file.gguf`."),
        )
    return _Wanted(match["repo"], match["file"], match["folder"], match["quant"], match["revision"] or "main")


def _checked_token(settings: SourceSettings) -> str | None:
    token = settings.hf_token
    if token is not None and not re.fullmatch(r"[\x21-\x7e]+", token):
        raise ModelError(
            Phrase("errors.token_wrong", "The Hugging Face token holds spaces or other characters that no token has.")
        )
    return token


def _choose(entries: list[_Entry], wanted: _Wanted) -> _Entry:
    files = {entry.path: entry for entry in entries if entry.path.lower().endswith(".gguf")}
    if wanted.file is not None:
        if wanted.file in files:
            return files[wanted.file]
        raise _missing(wanted, wanted.file, files)
    usable = [entry for path, entry in files.items() if not _UNUSABLE.search(path.lower())]
    for quantization in (wanted.quantization,) if wanted.quantization else _PREFERRED:
        for entry in usable:
            if _has_quantization(entry.path, quantization):
                return entry
    if wanted.quantization or not usable:
        raise _missing(wanted, wanted.quantization or "GGUF file in one piece", files)
    return min(usable, key=lambda entry: entry.size)


def _choose_folder(entries: list[_Entry], wanted: _Wanted) -> tuple[str, dict[str, _Entry]] | None:
    """Return the name of an ONNX model and its files, the graph first; None where a GGUF file is wanted."""
    by_path = {entry.path: entry for entry in entries}
    has_gguf = any(path.lower().endswith(".gguf") for path in by_path)
    if not wanted.folder and (wanted.file or has_gguf or not folders_of(by_path)):
        return None
    found = locate(by_path, wanted.folder or "", wanted.quantization or "")
    if found is None:
        what = wanted.folder or "ONNX model for a processor"
        raise _missing(wanted, what, [folder or "/" for folder in folders_of(by_path)])
    folder, graph = found
    inside = files_inside(by_path, folder)
    names = needed(inside, graph)
    return folder_name(wanted.repo, folder, names[0]), {name: inside[name] for name in names}


def _has_quantization(path: str, quantization: str) -> bool:
    return re.search(rf"(?<![A-Z0-9]){re.escape(quantization.upper())}(?![A-Z0-9_])", path.upper()) is not None


def _missing(wanted: _Wanted, what: str, files: Iterable[str]) -> ModelNotFoundError:
    names = ", ".join(sorted(files)) or "no GGUF file at all"
    return ModelNotFoundError(
        Phrase("errors.repo_lacks", "{repo} has no {what}.", repo=wanted.repo, what=what),
        hint=Phrase("errors.repo_lacks_hint", "It has: {names}.", names=names),
    )


def _licence(revision: _Revision) -> str:
    licence = revision.card.license if revision.card else None
    return ", ".join(licence) if isinstance(licence, list) else licence or ""


def _decode(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise DownloadError(
            Phrase("errors.hub_unclear", "The hub's answer cannot be understood: {error}.", error=error)
        ) from error
