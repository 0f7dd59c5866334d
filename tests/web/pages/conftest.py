"""Chromium, as people's browsers see the daemon."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.web.daemon import Daemon, daemon

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-background-networking"]


# By module: while the synchronous API of playwright is open, `asyncio.run` of other tests cannot start a loop.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with the echo engine, on which each test makes conversations of its own."""
    with daemon(tmp_path_factory.mktemp("device") / "state") as running:
        yield running


@pytest.fixture
def context(chromium: Browser, device: Daemon) -> Iterator[BrowserContext]:
    """A profile of the browser, at the address of the daemon."""
    context = chromium.new_context(base_url=device.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab at a new chat; errors of scripts and violations of the content security policy fail the test."""
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto("/")
    yield page
    assert not troubles


@pytest.fixture
def plain(chromium: Browser, device: Daemon) -> Iterator[Page]:
    """A tab of a browser without scripts."""
    context = chromium.new_context(base_url=device.url, java_script_enabled=False)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A file to attach."""
    path = tmp_path / "notes.md"
    path.write_text("The code word is heliotrope.")
    return path
