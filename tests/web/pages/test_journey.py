"""The first hour with a device: the real daemon and the real starter model, from the code on the screen to a chat."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.daemon import Daemon, daemon, eventually
from tests.web.pages.asking import answer

PATIENCE = 60_000  # milliseconds; the model is real
CODE = re.compile(r"claim\?code=(\S+)")


@pytest.fixture(scope="module")
def device(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that nobody has claimed yet."""
    flags = ("--engine", "llama_cpp", "--model", str(starter), "--context", "1024", "--auth", "accounts")
    with daemon(tmp_path_factory.mktemp("journey") / "state", *flags, ready=False) as running:
        yield running


def test_from_the_code_to_a_chat_with_the_starter_model(chromium: Browser, device: Daemon) -> None:
    page = chromium.new_page(base_url=device.url, viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto("/c/somewhere")
    expect(page).to_have_url(re.compile("/claim"))
    claim(page, code(device))
    expect(page).to_have_url(re.compile("/setup"))
    page.get_by_role("button", name=re.compile("later", re.IGNORECASE)).click()
    expect(page.get_by_role("heading", name="Hello Ada")).to_be_visible()
    chat(page)
    stop(page, device)
    page.close()


def code(device: Daemon) -> str:
    """Return the code of the address that the daemon prints after the first line."""
    assert device.process.stdout is not None
    found = None
    while not found:
        found = CODE.search(device.process.stdout.readline())
    return found[1]


def claim(page: Page, code: str) -> None:
    page.goto(f"/claim?code={code}")
    page.get_by_label("name").fill("Ada")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button").click()


def chat(page: Page) -> None:
    page.locator("#panel > summary").tap()
    page.locator("#temperature").fill("0")  # else this small model strays
    page.keyboard.press("Escape")
    page.locator("#text").fill("Hello, what is the capital of France?")
    page.locator(".send").tap()
    expect(answer(page)).to_have_attribute("data-state", "complete", timeout=PATIENCE)
    expect(page.locator("[data-answer]")).to_contain_text("Paris")
    page.get_by_role("button", name="Answer again").tap()
    expect(page.locator(".versions")).to_contain_text("2/2")
    expect(answer(page).locator(".stats summary")).to_contain_text("tok/s", timeout=PATIENCE)


def stop(page: Page, device: Daemon) -> None:
    page.locator("#text").fill("Tell me a very long story about a lighthouse.")
    page.locator(".send").tap()
    expect(page.locator(".message.assistant")).to_have_count(2)
    expect(page.locator("[data-answer]").last).to_contain_text(" ", timeout=PATIENCE)
    page.get_by_role("button", name="Stop").tap()
    expect(answer(page)).to_have_attribute("data-state", "stopped")
    eventually(lambda: device.active() == 0, 5)
