"""The owner's browser sends an update: it shows how far it is, can be stopped, and is not sent in vain."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agent.models import ModelStore
from tests.bundles.making import KEY, NEW, OTHER, make
from tests.web.daemon import Daemon, daemon, eventually
from tests.web.pages.conftest import chromium, page, playing, profiles
from tests.web.pages.test_look import violations

__all__ = ["chromium", "page", "playing", "profiles"]  # fixtures

SLOWLY, QUICKLY = 200_000, 2_000_000  # bytes per second
MORE = 4_000_000  # bytes that make a file last


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("device") / "state", "--bundle-keys", KEY.public().line()) as running:
        running.state = Path(running.process.args[-1])  # type: ignore[attr-defined]
        yield running


def choose(page: Page, content: bytes, bytes_per_second: int) -> None:
    """Open the page with a network of this speed, and have the file sent."""
    page.goto("/models")
    wire = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second}
    wire.send("Network.emulateNetworkConditions", limits)
    page.locator("#bundle").set_input_files([{"name": "a.edgewise-bundle", "mimeType": "", "buffer": content}])
    page.get_by_role("button", name="Apply", exact=True).last.click()
