"""Whose updates this device takes."""

from agent.bundles.minisign import PublicKey, read_public_key
from agent.config import Config
from agent.errors import BundleError
from agent.phrase import Phrase

_LARGEST = 4096  # bytes of a file with a key


def trusted_keys(config: Config) -> list[PublicKey]:
    """Return the keys in the settings and in the directory `keys` of the state directory.

    Raises:
        BundleError: there is none, or one cannot be read.
    """
    texts = list(config.bundle_keys)
    for path in sorted((config.state_dir / "keys").glob("*.pub")):
        try:
            with path.open(encoding="utf-8") as file:
                texts.append(file.read(_LARGEST))
        except (OSError, UnicodeDecodeError) as error:
            raise BundleError(
                Phrase("bundles.key_unreadable", "The key {path} cannot be read: {error}.", path=path, error=str(error))
            ) from error
    if not texts:
        raise BundleError(
            Phrase("bundles.no_keys", "This device trusts no key for updates yet."),
            hint=Phrase(
                "bundles.no_keys_hint",
                "put the public key into the setting `bundle_keys`, or as a file into STATE/keys",
            ),
        )
    return [read_public_key(text) for text in texts]
