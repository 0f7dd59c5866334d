"""What every reader relies on: contrast and names, keys, room on a phone, and little to load."""

import gzip
import re
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Page, expect

from tests.web.daemon import Daemon
from tests.web.pages.asking import answer, ask

TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"
RICH = f"!text # Title\n\n`code` and [a link](https://example.org)\n\n```python\nprint(1)\n```\n\n{TABLE}"
RUN_AXE = """axe.run({resultTypes: ['violations'], preload: false})
    .then(found => found.violations.map(one => [one.id, one.nodes.map(node => node.html)]))"""
BUDGET = 45_000  # bytes of a cold chat page, compressed


# Colours follow the scheme, places the width: two of four show both.
@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (390, "dark"),
        (1280, "light"),
        pytest.param(390, "light", marks=pytest.mark.slow),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_on_the_chat_page(page: Page, scheme: Literal["light", "dark"], width: int) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/")  # else colours are on their way
    assert not violations(page)
    ask(page, RICH)
    answer(page)
    page.locator(".stats summary").click()
    assert not violations(page)
    page.locator("#panel > summary").click()
    assert not violations(page)


def violations(page: Page) -> list[tuple[str, list[str]]]:
    """Return what axe finds: the rule, and the elements. What it finds in order stays in the browser."""
    page.evaluate(AXE_SCRIPT)
    return [(rule, elements) for rule, elements in page.evaluate(RUN_AXE)]


def test_a_phone_shows_the_list_in_a_drawer_and_nothing_is_wider_than_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    ask(page, RICH + " | " + "x" * 300)
    answer(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    expect(page.locator(".sidebar")).not_to_be_visible()
    page.locator("#drawer").press("Space")
    expect(page.get_by_role("link", name="New chat")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".sidebar")).not_to_be_visible()


def test_code_is_copied_without_the_clipboard_of_secure_pages(page: Page) -> None:
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    ask(page, "!text ```\ncopy(me)\n```")
    answer(page)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.locator(".code .copy").click()
    page.locator("#text").focus()
    page.keyboard.press("Control+v")
    expect(page.locator("#text")).to_have_value(re.compile(r"copy\(me\)"))


def test_the_shortcuts_are_shown_by_a_question_mark(page: Page) -> None:
    page.locator("#scroller").focus()
    page.keyboard.press("?")
    expect(page.locator("#help dl")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).not_to_be_visible()


def test_changes_of_state_are_announced_and_the_stream_is_not(page: Page) -> None:
    ask(page, "!delay 20 long enough to be followed")
    answer(page)
    expect(page.locator("#announcer")).to_have_text("The answer is complete.")
    expect(page.locator("#thread")).to_have_attribute("aria-live", "off")


def test_a_cold_chat_page_is_small(device: Daemon) -> None:
    html = device.http.get("/").text
    addresses = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', html))
    assert len(addresses) >= 8
    parts = {address: len(gzip.compress(device.http.get(address).content, 9)) for address in addresses}
    parts["/"] = len(gzip.compress(html.encode(), 9))
    assert sum(parts.values()) <= BUDGET, parts
