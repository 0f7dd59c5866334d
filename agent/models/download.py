"""The downloader: one file over HTTP, resumed across restarts, hashed while it streams."""

import logging
from pathlib import Path

import httpx
from msgspec.structs import replace

from agent.durable import rename_durably
from agent.errors import DownloadError
from agent.models.collector import Collector
from agent.models.disk import disk_errors, require_space
from agent.models.files import FetchedFile, SourceFile
from agent.models.part import PartFile
from agent.models.ranges import content_length, full_size, range_problem, strong_etag
from agent.models.record import boot_id, discard, fresh_record, read_record, record_path, write_record
from agent.models.retry import Patience, Setback, setback_of
from agent.models.streams import arrived_earlier, in_thread, pump
from agent.models.throttle import Throttle
from agent.models.transport import Http, check_status
from agent.phrase import Phrase

logger = logging.getLogger(__name__)

_MAX_RESTARTS = 3


async def download(source: SourceFile, destination: Path, *, http: Http, also_needed: int = 0) -> FetchedFile:
    """Fetch `source` to `destination`, going on from the part that an earlier run has left.

    When it fails or is cancelled the part is kept, unless the content itself is wrong.

    Args:
        source: what to fetch; it must have a url.
        destination: in a directory that exists and that nobody else works on.
        http: the client, how patient it is, and whom it tells about each step.
        also_needed: bytes of disk that the caller will use beside the file.

    Raises:
        ModelNotFoundError: the host does not have the file.
        DownloadError: no network, no access, no room, no progress, or not the expected content.
    """
    if found := await arrived_earlier(destination, source.sha256, http.meter):
        return found
    transfer = _Transfer(source, destination, http, also_needed)
    try:
        await transfer.resume()
        await transfer.fetch()
    finally:
        await in_thread(transfer.close)
    return await in_thread(transfer.finish, destination)


class _Transfer:
    """One download in this process, over all its attempts."""

    def __init__(self, source: SourceFile, destination: Path, http: Http, also_needed: int) -> None:
        self._source = source
        self._http = http
        self._meter = http.meter
        self._also_needed = also_needed
        self._part = PartFile(destination.with_name(destination.name + ".part"))
        self._record = fresh_record(source)
        self._patience = Patience(http.settings, source.filename, http.meter)
        self._throttle = Throttle(http.settings.max_rate)
        self._restarts = 0

    async def resume(self) -> None:
        """Take over what an earlier run has left, as far as it can be trusted."""
        length = await in_thread(self._restore)
        if not length:
            return
        logger.info("%s: going on after %d bytes", self._source.filename, length)
        with await in_thread(self._part.path.open, "rb") as earlier:
            await pump(
                earlier,
                self._part.adopt,
                length,
                lambda done: self._meter.report("checking", done, length),
            )

    async def fetch(self) -> None:
        """Bring the part to its full size, in as many attempts as it takes."""
        while not self._complete():
            setback = await self._attempt()
            if setback is not None:
                await self._patience.wait(setback)
        await in_thread(self._save)

    def close(self) -> None:
        """Leave the part so that another run can go on; whatever happened before is the error to tell."""
        try:
            if self._part.length > self._record.offset:
                self._save()
        except DownloadError as error:
            logger.warning("%s", error)
        empty = not self._part.size_on_disk()
        self._part.close()
        if empty:
            discard(self._part.path)

    def finish(self, destination: Path) -> FetchedFile:
        """Check the closed part against the expected hash, and give it its name."""
        got, expected = self._part.sha256, self._source.sha256
        if expected not in {None, got}:
            discard(self._part.path)
            raise DownloadError(
                Phrase(
                    "errors.wrong_content",
                    "{file} arrived with wrong content: its sha256 is {got}, expected {expected}. "
                    "The file was deleted.",
                    file=self._source.filename,
                    got=got,
                    expected=expected,
                ),
                hint=Phrase(
                    "errors.wrong_content_hint",
                    "Pull again; if it happens again, the copy at the source is not the expected one.",
                ),
            )
        with disk_errors(destination):
            rename_durably(self._part.path, destination)
        discard(self._part.path)
        return FetchedFile(destination, self._part.length, got, self._record.etag)

    def _complete(self) -> bool:
        return self._part.length == self._record.size

    def _restore(self) -> int:
        """Return how many bytes of the part can be adopted, and cut off the others."""
        length = 0
        earlier = read_record(record_path(self._part.path))
        if earlier is not None and earlier.describes(self._source):
            etag = earlier.etag if earlier.url == self._source.url else ""
            size = self._source.size or earlier.size
            self._record = replace(self._record, etag=etag, size=size, offset=earlier.offset)
            length = earlier.trusted(self._part.size_on_disk())
        self._part.cut(length)
        return length

    async def _attempt(self) -> Setback | None:
        """Ask for what is missing; return what went wrong, or None when the file is complete."""
        host = httpx.URL(self._source.url).host
        try:
            async with self._http.open(self._source.url, self._headers(), self._source.token) as response:
                host = response.url.host
                if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return self._align_end(response)
                setback = self._align(response)
                if setback is not None:
                    return setback
                await in_thread(self._prepare)
                await self._receive(response)
        except httpx.TransportError as error:
            return setback_of(error, host)
        if self._complete():
            return None
        return Setback(Phrase("errors.closed_early", "{host} has closed the connection too early", host=host))

    def _headers(self) -> dict[str, str]:
        if not self._part.length:
            return {}
        headers = {"Range": f"bytes={self._part.length}-"}
        if self._record.etag and self._source.sha256 is None:
            headers["If-Range"] = self._record.etag
        return headers

    def _align(self, response: httpx.Response) -> Setback | None:
        """Bring part and response to the same offset, or return why this response cannot be used."""
        setback = check_status(response, self._source.filename, has_token=self._source.token is not None)
        if setback is not None:
            return setback
        if response.status_code == httpx.codes.PARTIAL_CONTENT:
            return self._align_range(response)
        if self._part.length:
            host = response.url.host
            self._restart(Phrase("errors.sends_all_again", "{host} sends the whole file again", host=host))
        self._adopt_version(response, content_length(response))
        return None

    def _align_range(self, response: httpx.Response) -> Setback | None:
        # Where the hash is known it decides; mirrors of one file may differ in their etags.
        etag = self._record.etag if self._source.sha256 is None else ""
        problem = range_problem(response, offset=self._part.length, size=self._record.size, etag=etag)
        if problem:
            self._restart(f"{response.url.host} {problem}")
            return Setback(f"{response.url.host} {problem}")
        self._adopt_version(response, full_size(response))
        return None

    def _align_end(self, response: httpx.Response) -> Setback | None:
        """Handle 416: the part is as long as the file, or longer than it."""
        if full_size(response) == self._part.length:
            self._record = replace(self._record, size=self._part.length)
            return None
        host, length = response.url.host, self._part.length
        problem = Phrase("errors.no_bytes_after", "{host} has no bytes after {length}", host=host, length=length)
        self._restart(problem)
        return Setback(problem)

    def _adopt_version(self, response: httpx.Response, size: int | None) -> None:
        host, announced = response.url.host, self._source.size
        if response.headers.get("Content-Type", "").startswith("text/html"):
            raise DownloadError(
                Phrase(
                    "errors.web_page",
                    "{host} sent a web page instead of {file}.",
                    host=host,
                    file=self._source.filename,
                ),
                hint=Phrase(
                    "errors.web_page_hint",
                    "It may want a login; for a file on Hugging Face use `hf:owner/repo/file.gguf`.",
                ),
            )
        if size == 0 or (announced is not None and size not in {None, announced}):
            raise DownloadError(
                Phrase(
                    "errors.wrong_size",
                    "{host} has {file} with {size} bytes, expected {expected}.",
                    host=host,
                    file=self._source.filename,
                    size=size,
                    expected=announced or Phrase("errors.more", "more"),
                )
            )
        self._record = replace(self._record, etag=strong_etag(response), size=announced or size)

    def _restart(self, reason: str) -> None:
        self._restarts += 1
        if self._restarts > _MAX_RESTARTS:
            raise DownloadError(
                Phrase(
                    "errors.started_over",
                    "{file} was started over {times} times; the last reason: {reason}.",
                    file=self._source.filename,
                    times=_MAX_RESTARTS,
                    reason=reason,
                )
            )
        logger.warning("%s: starting over, because %s", self._source.filename, reason)
        self._part.cut(0)
        self._record = fresh_record(self._source)

    def _prepare(self) -> None:
        """Make sure that the rest will fit, and that it can be resumed."""
        missing = (self._record.size or 0) - self._part.length
        self._http.settings.require(self._part.path.parent, max(0, missing) + self._also_needed)
        self._save()

    async def _receive(self, response: httpx.Response) -> None:
        arrived = Collector(self._store)
        try:
            async for chunk in response.aiter_raw():
                await arrived.add(chunk)
                await self._throttle.spend(len(chunk))
        finally:
            await arrived.finish()  # a connection that always breaks early still makes progress
        if self._record.size is None and self._part.length:
            self._record = replace(self._record, size=self._part.length)

    async def _store(self, block: bytearray) -> None:
        size = self._record.size
        if size is not None and self._part.length + len(block) > size:
            raise DownloadError(
                Phrase(
                    "errors.too_many_bytes",
                    "{file} is longer than the {size} bytes announced.",
                    file=self._source.filename,
                    size=size,
                )
            )
        await in_thread(self._write, block)
        self._patience.progressed()
        self._meter.report("downloading", self._part.length, size)

    def _write(self, block: bytearray) -> None:
        self._part.write(block)
        if self._part.length - self._record.offset >= self._http.settings.sync_every:
            self._save()
            require_space(self._part.path.parent, 0, self._http.settings.reserve)

    def _save(self) -> None:
        self._part.sync()
        self._record = replace(self._record, offset=self._part.length, boot=boot_id())
        with disk_errors(self._part.path):
            write_record(self._part.path, self._record)
