"""What tests do on the chat page again and again."""

from playwright.sync_api import Locator, Page, expect

from tests.web.daemon import Daemon

SLOW = "!delay 20 " + "a slow answer that takes its time and goes on " * 5


def ask(page: Page, text: str) -> None:
    """Send a message by the keyboard once nothing is being answered here, and wait until the page has it."""
    questions = page.locator(".message.user").count() if "/c/" in page.url else 0
    page.wait_for_load_state("load")  # before its scripts run, Enter begins a new line
    expect(page.locator("#composer[data-running]")).to_have_count(0)
    page.locator("#text").fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(".message.user")).to_have_count(questions + 1)


def answer(page: Page) -> Locator:
    """Return the last answer once it has ended."""
    last = page.locator(".message.assistant").last
    expect(last).not_to_have_attribute("data-state", "running")
    return last


def until_idle(device: Daemon) -> None:
    """Wait until nothing is being answered."""
    for _ in range(500):
        if not device.active():
            return
    raise AssertionError("still answering")
