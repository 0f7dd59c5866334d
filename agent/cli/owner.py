"""What the owner has set on the pages, for commands that choose as the daemon does."""

import asyncio
from collections.abc import Mapping

from agent.config import Config
from agent.device import DeviceSettings
from agent.store import Store

_NAMES = ("use", "prefer")


def as_owner_wants(config: Config, origins: Mapping[str, str]) -> tuple[Config, str]:
    """Return the settings in force with what was set on the pages, and what that changes, in a sentence or empty.

    Args:
        config: as files, environment and flags have it; what these give comes before the pages.
        origins: for each setting where its value came from.

    Raises:
        StoreError: app.db is there and cannot be read.
    """
    path = config.state_dir / "app.db"
    if not path.is_file():  # opening it would make one
        return config, ""
    store = Store(path)
    try:
        store.open()
        settings = DeviceSettings(store, config, origins)
        asyncio.run(settings.load())
    finally:
        store.close()
    wanted = settings.config
    changes = [f"{name} {value}" for name in _NAMES if (value := getattr(wanted, name)) != getattr(config, name)]
    return wanted, f"Set by the owner on the pages: {', '.join(changes)}." if changes else ""
