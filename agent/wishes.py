"""What people want of the installed models: this one to serve, that one to go. A running daemon follows at once."""

from agent import pinned
from agent.config import Config
from agent.downloads import Downloads
from agent.models import ModelStore

AUTO = "auto"
"""Instead of a name: the choice is left to Edgewise."""


def choose(config: Config, store: ModelStore, name: str) -> str:
    """Remember which model is to serve, and return its full name; empty for `auto`.

    Raises:
        ModelNotFoundError: it is not installed.
        ConfigError: the choice cannot be written.
    """
    chosen = "" if name == AUTO else store.find(name).name
    pinned.write(config.state_dir, chosen)
    return chosen


def remove(config: Config, store: ModelStore, name: str) -> str:
    """Delete a model, or what a download has left of it, and return its full name; a choice of it is forgotten.

    Raises:
        ModelNotFoundError: it is not here.
        DownloadError: it is being downloaded at this moment.
    """
    removed = store.remove(name)
    if pinned.read(config.state_dir) == removed:
        pinned.write(config.state_dir, "")
    return removed


async def cancel(config: Config, downloads: Downloads, identifier: str) -> None:
    """Take a download off the list, with what has arrived; a choice of what it would have brought is forgotten.

    Raises:
        NotFoundError: there is none with this id.
        ModelError: what has arrived cannot be deleted.
        ConfigError: the choice cannot be written.
    """
    download = downloads.find(identifier)
    await downloads.cancel(identifier)
    if (download.purpose, download.becomes) == ("pull", pinned.read(config.state_dir)) and download.state != "done":
        pinned.write(config.state_dir, "")
