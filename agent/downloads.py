"""Downloads and checks of model files that people have started: one runs at a time, the others wait their turn.

What has arrived is kept through pauses, failures and restarts of the daemon; only `cancel` deletes it. After a restart
those go on that waited or ran. Failed ones stay in the list with the reason, the latest finished ones until they are
dismissed.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Literal

import msgspec

from agent import download_list
from agent.download_list import Asked
from agent.errors import EdgewiseError, NotFoundError
from agent.models import InstalledModel, ModelStore, Progress, SourceSettings, TransferControl
from agent.models.names import check_name, model_name
from agent.models.sources import find_source
from agent.phrase import Phrase

logger = logging.getLogger(__name__)

_MOST_ENDED = 20  # that are listed: programs may fetch and delete models for years


class Download(msgspec.Struct):
    """One model on its way, or one whose file is read again.

    Attributes:
        id: to ask for it by.
        purpose: `pull` installs a model, `verify` compares an installed one with its hash.
        reference: what to pull, or the name of the installed model.
        name: under which it is to be installed; empty: as follows from its file.
        title: for people.
        state: `queued`, `running`, `paused`, `done` or `failed`.
        progress: how far it is; None before it was begun.
        error: why it failed; empty otherwise.
        cause: the class of that error, see `agent.errors`.
        hint: what to do about that.
        installed: name of the model once it is here.
    """

    id: str
    purpose: Literal["pull", "verify"]
    reference: str
    name: str
    title: str
    state: Literal["queued", "running", "paused", "done", "failed"] = "queued"
    progress: Progress | None = None
    error: str = ""
    cause: str = ""
    hint: str = ""
    installed: str = ""

    @property
    def becomes(self) -> str:
        """Under which name the model will be installed, as far as its reference tells."""
        return self.name or model_name(self.reference.rpartition("/")[2])


class Downloads:
    """The list, and the task that works it off; `sources` is asked anew for each pull, so that a new token counts."""

    def __init__(self, store: ModelStore, sources: Callable[[], SourceSettings]) -> None:
        self._store = store
        self._sources = sources
        self._list: dict[str, Download] = {}
        self._control = TransferControl()  # of the one that runs
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def recall(self) -> None:
        """List what earlier runs of the daemon have left unfinished, and go on with what was not paused."""
        for rest in self._store.unfinished():
            if rest.source:
                download = self._add("pull", rest.source, rest.name, rest.name)
                download.state, download.progress = "paused", Progress("paused", rest.bytes, rest.total)
        for asked in download_list.read(self._store.root):
            known = self._pull(asked.reference) or self._add("pull", asked.reference, asked.name, asked.title)
            known.name, known.title, known.state = asked.name, asked.title, "paused" if asked.paused else "queued"
        self._next()

    def start(self, reference: str, name: str = "", title: str = "") -> Download:
        """Install what a reference means as soon as it is its turn; one that is in the list already goes on.

        Raises:
            ModelError: the reference or the name cannot be used.
        """
        find_source(reference)
        if name:
            check_name(name)
        known = self._pull(reference)
        if known is not None and known.state != "done":
            return self.resume(known.id)
        download = self._add("pull", reference, name, title or name or reference)
        self._keep()
        self._next()
        return download

    def verify(self, name: str) -> Download:
        """Compare an installed model's file with its hash as soon as it is its turn.

        Raises:
            ModelNotFoundError: it is not installed.
        """
        model = self._store.find(name, any_kind=True)
        download = self._add("verify", model.name, model.name, model.name)
        self._next()
        return download

    def busy(self) -> bool:
        """Tell whether a model is being installed that somebody has asked for."""
        return any(known.purpose == "pull" and known.state in {"queued", "running"} for known in self._list.values())

    def all(self) -> list[Download]:
        """Return all, oldest first, but for those that somebody else has completed meanwhile."""
        here = {model.source for model in self._store.everything()}
        for download in list(self._list.values()):
            if download.purpose == "pull" and download.state in {"paused", "failed"} and download.reference in here:
                del self._list[download.id]
        return list(self._list.values())

    def find(self, identifier: str) -> Download:
        """Return one of the list.

        Raises:
            NotFoundError: there is none with this id.
        """
        if identifier not in self._list:
            raise NotFoundError(
                Phrase("errors.no_download", "There is no download {identifier!r}.", identifier=identifier)
            )
        return self._list[identifier]

    def pause(self, identifier: str) -> Download:
        """Stop one that runs or waits, and let the next one go on; what has arrived is kept."""
        download = self.find(identifier)
        if download.state == "running" and self._task is not None:
            self._task.cancel()
        if download.state in {"running", "queued"}:
            download.state = "paused"
            if before := download.progress:
                download.progress = Progress("paused", before.done, before.total)
            self._keep()
        return download

    def resume(self, identifier: str) -> Download:
        """Let one go on that is paused or has failed, when it is its turn."""
        download = self.find(identifier)
        if download.state in {"paused", "failed"}:
            download.state, download.error, download.hint, download.cause = "queued", "", "", ""
            self._keep()
            self._next()
        return download

    async def cancel(self, identifier: str) -> None:
        """Take one off the list, and delete what has arrived of it; a finished model stays.

        Raises:
            NotFoundError: there is none with this id.
            ModelError: what has arrived cannot be deleted.
        """
        download = self.find(identifier)
        if download.state == "running" and self._task is not None:
            self._control.cancel()
            if download.purpose == "verify":  # nothing has arrived that would have to be deleted
                self._task.cancel()
            await asyncio.wait({self._task})
        elif download.purpose == "pull" and download.state != "done":
            await asyncio.to_thread(self._discard, download.reference)
        self._list.pop(identifier, None)
        self._keep()

    async def close(self) -> None:
        """End what runs, at the end of the daemon; what has arrived is kept."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _add(self, purpose: Literal["pull", "verify"], reference: str, name: str, title: str) -> Download:
        download = Download(secrets.token_hex(6), purpose, reference, name, title)
        self._list[download.id] = download
        return download

    def _pull(self, reference: str) -> Download | None:
        """Return the download of a reference, if it is in the list."""
        pulls = (known for known in self._list.values() if (known.purpose, known.reference) == ("pull", reference))
        return next(pulls, None)

    def _keep(self) -> None:
        """Write down what is to be done; what has failed is for people to resume."""
        pulls = [known for known in self._list.values() if known.purpose == "pull" and known.state != "done"]
        download_list.write(
            self._store.root,
            (Asked(each.reference, each.name, each.title, each.state in {"paused", "failed"}) for each in pulls),
        )

    def _next(self) -> None:
        """Begin with the first that waits, unless another one runs."""
        if self._task is not None or self._closed:
            return
        waiting = next((download for download in self._list.values() if download.state == "queued"), None)
        if waiting is not None:
            self._task = asyncio.create_task(self._run(waiting), name=f"download {waiting.title}")

    async def _run(self, download: Download) -> None:
        download.state, self._control = "running", TransferControl()
        try:
            model = await self._work(download)
        except EdgewiseError as error:
            _fail(download, error.message, error.hint)
            download.cause = type(error).__name__
        except Exception as error:  # the top of this task: nobody else would hear of it
            logger.exception("%s cannot be downloaded", download.title)
            _fail(download, f"{download.title} failed: {error}.", "The log says where.")
        else:
            download.state, download.installed = "done", model.name
        finally:
            self._task = None
            self._forget()
            self._keep()
            self._next()

    def _forget(self) -> None:
        """Keep only the latest of those with which nothing can be done any more."""
        ended = [
            known.id
            for known in self._list.values()
            if known.state == "done" or (known.purpose == "verify" and known.state == "failed")
        ]
        for identifier in ended[:-_MOST_ENDED]:
            del self._list[identifier]

    async def _work(self, download: Download) -> InstalledModel:
        def note(progress: Progress) -> None:
            download.progress = progress

        if download.purpose == "verify":
            return await self._store.verify(download.name, on_progress=note)
        return await self._store.pull(
            download.reference,
            self._sources(),
            name=download.name or None,
            on_progress=note,
            control=self._control,
        )

    def _discard(self, reference: str) -> None:
        """Delete what has arrived of a download that does not run."""
        for rest in self._store.unfinished():
            if rest.source == reference:
                self._store.remove(rest.name)


def _fail(download: Download, message: str, hint: str) -> None:
    download.state, download.error, download.hint = "failed", message, hint
    logger.warning("%s", message)
