"""Style sheets, scripts and icons: read once, compressed once, served under names that change with the content."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from web.packed import takes_gzip

_DIRECTORY = Path(__file__).with_name("static")
_SUFFIXES = {".css", ".js", ".svg", ".png", ".ico", ".webmanifest"}
_DIGITS = 10  # of the hash, in addresses
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One file: its address, its media type and its bytes."""

    url: str
    media_type: str
    content: bytes

    @cached_property
    def compressed(self) -> bytes:
        """The same compressed, as most browsers want it."""
        return gzip.compress(self.content, 9, mtime=0)


class Assets:
    """All files below `static`, by their path there."""

    def __init__(self, directory: Path = _DIRECTORY) -> None:
        files = [path for path in sorted(directory.rglob("*")) if path.suffix in _SUFFIXES]
        self._by_name = {path.relative_to(directory).as_posix(): _read(path, directory) for path in files}
        self._by_url = {asset.url: asset for asset in self._by_name.values()}

    def url(self, name: str) -> str:
        """Return the address of a file, such as `app.css`.

        Raises:
            KeyError: there is no such file.
        """
        return self._by_name[name].url

    def find(self, url: str) -> Asset | None:
        """Return what is served at an address."""
        return self._by_url.get(url)


def _read(path: Path, directory: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:_DIGITS]
    name = path.relative_to(directory).with_suffix(f".{digest}{path.suffix}").as_posix()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    media_type = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    return Asset(f"/static/{name}", media_type, content)


@get("/static/{path:path}", access="public", sync_to_thread=False)
def serve_asset(request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
    """Send a file; its address says what is in it, so it may be kept for ever."""
    asset = request.app.state.assets.find(f"/static{path}")
    if asset is None:
        raise NotFoundException
    packed = takes_gzip(request)
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.compressed if packed else asset.content, media_type=asset.media_type, headers=headers)
