"""Whether the model of an update serves: asked of the daemon that runs here, if one does."""

import time
from typing import TYPE_CHECKING

from agent.cli.daemon import connection
from agent.config import Config

if TYPE_CHECKING:
    import httpx

_PATIENCE = 900.0  # seconds for a model to load
_NOTICE = 10.0  # seconds in which an old failure of a model of this name may still be told
_LOOK_SECONDS = 1.0


def accepted(config: Config, name: str) -> bool:
    """Wait until the model serves; False if it cannot. Without a daemon there is nothing to wait for."""
    import httpx

    with httpx.Client(**connection(config), timeout=10) as client:
        began = time.monotonic()
        print(f"Waiting until {name} serves …")
        while (waited := time.monotonic() - began) < _PATIENCE:
            try:
                serving, failed = _look(client, name)
            except (httpx.HTTPError, ValueError, KeyError):
                if waited < _NOTICE:
                    print("No daemon runs here: it begins with the new model at its next start.")
                    return True
                serving, failed = False, ""
            if serving:
                return True
            if failed and waited > _NOTICE:
                print(failed)
                return False
            time.sleep(_LOOK_SECONDS)
    print(f"{name} did not serve within {_PATIENCE:g} s.")
    return False


def _look(client: "httpx.Client", name: str) -> tuple[bool, str]:
    """Return whether a model serves, and why it does not if that is certain."""
    answer = client.get("/api/edgewise/selection")
    answer.raise_for_status()
    state = answer.json()
    return state["serving"] == name, next((text for text in state["failures"] if name in text), "")
