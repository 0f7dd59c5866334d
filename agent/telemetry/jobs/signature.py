"""Signatures of what jobs bring: minisign's, over the file, by a key that this device trusts with updates."""

import hashlib
from pathlib import Path

from agent.bundles.minisign import HASHED, read_signature
from agent.bundles.trust import trusted_keys
from agent.config import Config
from agent.errors import BundleError
from agent.phrase import Phrase
from agent.telemetry.payloads import Artifact


def require(config: Config, artifact: Artifact) -> None:
    """Refuse an artifact without a signature where the owner wants one, and one that nobody could have signed.

    Raises:
        BundleError: that is so.
    """
    if not artifact.sig:
        if config.signed_jobs:
            raise BundleError(
                Phrase("jobs.unsigned", "This device takes only signed artifacts (`signed_jobs`), and this one is not.")
            )
        return
    if read_signature(artifact.sig.encode()).algorithm != HASHED:
        raise BundleError(
            Phrase("jobs.not_hashed", "The signature of an artifact must be a hashed one (`minisign -H`).")
        )


def verify(config: Config, artifact: Artifact, path: Path) -> None:
    """Compare a file with the signature of the artifact, if it has one that counts here; reads all of the file.

    Raises:
        BundleError: nobody trusted has signed this file.
    """
    trusting = config.signed_jobs or config.bundle_keys or any((config.state_dir / "keys").glob("*.pub"))
    if not artifact.sig or not trusting:
        return
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, hashlib.blake2b).digest()
    except OSError as error:
        raise BundleError(
            Phrase("bundles.unreadable", "{path} cannot be read: {reason}.", path=path, reason=error.strerror)
        ) from error
    read_signature(artifact.sig.encode()).verify_digest(digest, trusted_keys(config))
