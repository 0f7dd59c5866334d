# ruff: noqa: INP001 - a script of its own, copied into the image
"""Exit status 0 when the daemon of this container is well: it answers, and has not given up on serving a model.

`loading`, `downloading` and `restarting` are well: they end by themselves, and a new container would begin them anew.
"""

import json
import os
import ssl
import sys
import urllib.error
import urllib.request

_WELL = {"ok", "loading", "downloading", "restarting"}
_PATIENCE = 8  # seconds


def status(address: str) -> str:
    """Return what the daemon says of itself; 503, with a text, while no model is ready."""
    trusting = ssl._create_unverified_context()  # noqa: S323, SLF001 - to ourselves, whose certificate names others
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting))
    try:
        with opener.open(address, timeout=_PATIENCE) as reply:
            return str(json.load(reply)["status"])
    except urllib.error.HTTPError as error:
        return str(json.load(error)["status"])


def main() -> int:
    """Ask over http or https, as the daemon is set."""
    port = os.environ.get("EDGEWISE_PORT", "8080")
    scheme = "http" if os.environ.get("EDGEWISE_TLS", "off") == "off" else "https"
    try:
        said = status(f"{scheme}://127.0.0.1:{port}/healthz")
    except (OSError, ValueError, KeyError) as error:
        said = f"no answer: {error}"
    print(said)  # noqa: T201 - what the container engine shows as the reason
    return 0 if said in _WELL else 1


if __name__ == "__main__":
    sys.exit(main())
