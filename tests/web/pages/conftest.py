"""Chromium, as people's browsers see the daemon.

What costs is to start: a daemon, the browser, a process for each profile. So there is one of them for all modules, as
long as they do not want another; each test has a tab of its own.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.web.daemon import Daemon, daemon

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-background-networking"]
ONE_PROCESS = ["--process-per-site", "--renderer-process-limit=1", "--disable-site-isolation-trials"]  # for all tabs


@pytest.fixture(scope="session")
def playing() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """A browser without a window, and the event loop below it, which is hidden from all who do not use `chromium`."""
    with sync_playwright() as playwright:
        loop = asyncio.get_running_loop()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *ONE_PROCESS])
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


# By module: while the synchronous API of playwright is open, `asyncio.run` of other tests cannot start a loop.
@pytest.fixture(scope="module")
def chromium(
    playing: tuple[Browser, asyncio.AbstractEventLoop], profiles: dict[str, BrowserContext]
) -> Iterator[Browser]:
    """The browser; profiles that a module has made are closed, lest their tabs look for daemons that are gone."""
    browser, loop = playing
    asyncio._set_running_loop(loop)
    yield browser
    for context in browser.contexts:
        if context not in profiles.values():
            context.close()
    asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with the echo engine."""
    with daemon(tmp_path_factory.mktemp("device") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def device(running: Daemon) -> Daemon:
    """The daemon without conversations and presets; each test makes some of its own."""
    presets = re.findall(r'/presets/[^"]+/delete', running.http.get("/presets").text)
    for address in ["/settings/delete-chats", *presets]:
        reply = running.http.post(address, headers={"origin": running.url})
        assert not reply.is_error, reply.text
    return running


def new_context(browser: Browser, url: str) -> BrowserContext:
    """Return a new profile at the address of a daemon."""
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    return context


@pytest.fixture(scope="session")
def profiles() -> dict[str, BrowserContext]:
    """The profiles that all modules share, by the address of their daemon."""
    return {}


@pytest.fixture
def context(chromium: Browser, profiles: dict[str, BrowserContext], device: Daemon) -> Iterator[BrowserContext]:
    """The profile for the daemon, in which no test leaves anything behind; its first tab keeps its process alive."""
    if device.url not in profiles:
        profiles[device.url] = new_context(chromium, device.url)
        profiles[device.url].new_page().goto("/healthz")
    context = profiles[device.url]
    yield context
    keeper, *tabs = context.pages
    for tab in tabs:
        tab.close()
    keeper.evaluate("localStorage.clear()")
    context.clear_cookies()


@contextmanager
def new_chat(context: BrowserContext) -> Iterator[Page]:
    """Open a new chat; errors of scripts and violations of the content security policy fail the test."""
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto("/")
    yield page
    assert not troubles


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab at a new chat."""
    with new_chat(context) as page:
        yield page


@pytest.fixture
def timed(chromium: Browser, device: Daemon) -> Iterator[Page]:
    """A tab at a new chat whose clock can be put forward; that cannot be undone, so it has a profile of its own."""
    context = new_context(chromium, device.url)
    context.clock.install()
    with new_chat(context) as page:
        yield page
    context.close()


@pytest.fixture(scope="module")
def plain_profile(chromium: Browser, device: Daemon) -> BrowserContext:
    """A profile without scripts, with a tab that keeps its process alive."""
    context = chromium.new_context(base_url=device.url, java_script_enabled=False)
    context.set_default_timeout(10_000)
    context.new_page().goto("/healthz")
    return context


@pytest.fixture
def plain(plain_profile: BrowserContext) -> Iterator[Page]:
    """A tab of a browser without scripts."""
    page = plain_profile.new_page()
    page.goto("/")
    yield page
    page.close()
    plain_profile.clear_cookies()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A file to attach."""
    path = tmp_path / "notes.md"
    path.write_text("The code word is heliotrope.")
    return path
