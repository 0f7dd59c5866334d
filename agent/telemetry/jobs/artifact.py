"""The model that a job is about: what to pull, and whether it is here already."""

from agent.errors import InputError, ModelFileError
from agent.models import InstalledModel, ModelStore
from agent.models.names import model_name
from agent.phrase import Phrase
from agent.telemetry.payloads import Artifact
from agent.units import format_bytes

_HASH = 8  # digits of a hash in a name


def reference(artifact: Artifact) -> str:
    """Return what the model store is to pull.

    Raises:
        InputError: the artifact names nothing, or an address without the hash of what is there.
    """
    if bool(artifact.url) == bool(artifact.reference):
        raise InputError(
            Phrase("jobs.artifact_where", "The artifact needs either a url or a reference."), field="artifact"
        )
    if artifact.reference:
        return artifact.reference
    if not artifact.sha256:
        raise InputError(
            Phrase("jobs.artifact_hash", "An artifact at a url needs its sha256."), field="artifact.sha256"
        )
    address, _, _ = artifact.url.partition("#")
    return f"{address}#sha256={artifact.sha256.lower()}"


def installed(store: ModelStore, artifact: Artifact) -> InstalledModel | None:
    """Return the installed model with the artifact's hash, or from its reference when no hash is given."""
    for model in store.installed():
        if artifact.sha256 and model.sha256 == artifact.sha256.lower():
            return model
        if not artifact.sha256 and model.source == artifact.reference:
            return model
    return None


def free_name(store: ModelStore, artifact: Artifact) -> str:
    """Return a name for the artifact that no other model has; empty: the one that follows from its source will do."""
    path, _, _ = (artifact.url or artifact.reference).partition("#")
    name = model_name(path.rpartition("/")[2])
    taken = {model.name for model in store.installed()}
    return f"{name[:90]}-{artifact.sha256[:_HASH].lower()}" if artifact.sha256 and name in taken else ""


def compare(model: InstalledModel, artifact: Artifact) -> None:
    """Make sure that a model is what the job means.

    Raises:
        ModelFileError: its size or its hash is another one.
    """
    if artifact.size and model.bytes != artifact.size:
        raise ModelFileError(
            Phrase(
                "jobs.wrong_size",
                "{name} has {size} ({bytes} bytes), of {expected} bytes expected.",
                name=model.name,
                size=format_bytes(model.bytes),
                bytes=model.bytes,
                expected=artifact.size,
            ),
            field="size",
        )
    expected = artifact.sha256.lower()
    if expected and model.sha256 != expected:
        raise ModelFileError(
            Phrase(
                "jobs.wrong_hash",
                "The sha256 of {name} is {found}, expected {expected}.",
                name=model.name,
                found=model.sha256,
                expected=expected,
            ),
            field="sha256",
        )
