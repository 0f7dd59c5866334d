"""Asking and reading answers, with scripts."""

import re
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.web.daemon import Daemon, daemon, eventually
from tests.web.pages.asking import SLOW, answer, ask

BRIEF = " ".join(["a slow answer that ends soon"] * 4)  # 2.3 seconds at 20 ms a byte


def test_an_answer_is_shown_as_a_document(page: Page) -> None:
    ask(page, "!text Some **bold** words\n\n```python\nprint(1)\n```\n\n- one\n- two")
    last = answer(page)
    expect(last.locator("strong")).to_have_text("bold")
    expect(last.locator(".code code")).to_contain_text("print(1)")
    expect(last.locator("li")).to_have_text(["one", "two"])
    expect(last.locator(".stats summary")).to_contain_text("tok/s")
    expect(page.locator("#conversations [aria-current]")).to_contain_text("Some bold words")


def test_a_second_message_stays_on_the_page_and_is_shown_once(page: Page) -> None:
    ask(page, "!text first")
    answer(page)
    ask(page, "!text second")
    expect(answer(page).locator("[data-answer]")).to_have_text("second")
    time.sleep(0.5)  # what other tabs are told comes here too
    expect(page.locator(".message")).to_have_count(4)
    expect(page.locator("#text")).to_have_value("")


def test_stop_ends_the_answer_and_frees_the_engine(page: Page, device: Daemon) -> None:
    ask(page, SLOW)
    expect(page.locator("[data-answer]")).to_contain_text("slow answer")
    page.get_by_role("button", name="Stop").click()
    expect(answer(page)).to_have_attribute("data-state", "stopped")
    eventually(lambda: device.active() == 0, 2)
    expect(page.locator(".ending")).to_contain_text("Stopped")
    expect(page.locator("[data-answer]")).to_contain_text("slow answer")


def test_escape_stops_too_and_continue_goes_on(page: Page) -> None:
    ask(page, f"!delay 20 {BRIEF}")
    expect(page.locator("[data-answer]")).to_contain_text("a slow")
    page.keyboard.press("Escape")
    expect(answer(page)).to_have_attribute("data-state", "stopped")
    page.get_by_role("button", name="Continue").click()
    expect(answer(page)).to_have_attribute("data-state", "complete", timeout=20_000)


def test_a_reload_in_the_middle_of_an_answer_misses_nothing(page: Page) -> None:
    ask(page, f"!delay 20 {BRIEF}")
    expect(page.locator("[data-answer]")).to_contain_text("a slow")
    page.reload()
    assert answer_after(page) == BRIEF


def answer_after(page: Page) -> str:
    expect(page.locator(".message.assistant")).to_have_attribute("data-state", "complete", timeout=30_000)
    return " ".join(page.locator("[data-answer]").inner_text().split())


def test_a_second_tab_follows_the_same_answer(page: Page, context: BrowserContext) -> None:
    ask(page, "!text hello")
    answer(page)
    other = context.new_page()
    other.goto(page.url)
    ask(page, SLOW)
    expect(other.locator(".message.assistant").last.locator("[data-answer]")).to_contain_text("slow answer")
    other.get_by_role("button", name="Stop").click()
    expect(answer(page)).to_have_attribute("data-state", "stopped")
    expect(page.locator(".message")).to_have_count(4)


@pytest.mark.parametrize("question", [SLOW, "!text quick"])
def test_what_was_asked_while_a_tab_was_opening_comes_there_too(
    page: Page, context: BrowserContext, question: str
) -> None:
    ask(page, "!text hello")
    answer(page)
    other = context.new_page()
    held: list[Route] = []
    other.route("**/events?*", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks its handlers
    other.goto(page.url)
    ask(page, question)
    eventually(lambda: bool(other.title() and held), 5)  # any call lets the browser's requests come in
    if question != SLOW:
        answer(page)
    held.pop().continue_()
    other.unroute("**/events?*")
    expect(other.locator(".message")).to_have_count(4)
    expect(other.locator("[data-answer]").last).to_contain_text("slow answer" if question == SLOW else "quick")


def test_a_tab_that_was_hidden_shows_what_has_happened_since(page: Page, context: BrowserContext) -> None:
    ask(page, "!text hello")
    answer(page)
    other = context.new_page()
    other.goto(page.url)
    hide(other, hidden=True)
    ask(page, "!text meanwhile")
    answer(page)
    assert other.locator(".message").count() == 2
    hide(other, hidden=False)
    expect(other.locator("[data-answer]").last).to_have_text("meanwhile")


def hide(page: Page, *, hidden: bool) -> None:
    """Tell the page that it is hidden, as phones do; headless browsers never do."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_answering_again_keeps_both_versions(page: Page) -> None:
    ask(page, "!text same")
    answer(page)
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".versions").last).to_contain_text("2/2")
    answer(page)
    page.get_by_role("button", name="Previous version").click()
    expect(page.locator(".versions").last).to_contain_text("1/2")
    expect(page.locator(".message")).to_have_count(2)


def test_an_edited_question_is_another_branch(page: Page) -> None:
    ask(page, "!text before")
    answer(page)
    page.get_by_role("link", name="Edit").click()
    page.locator("form.edit textarea").fill("!text after")
    page.locator("form.edit").get_by_role("button", name="Send").click()
    expect(answer(page).locator("[data-answer]")).to_have_text("after")
    page.locator(".message.user").get_by_role("button", name="Previous version").click()
    expect(page.locator("[data-answer]")).to_have_text("before")


def test_a_failure_says_why_and_can_be_tried_again(page: Page) -> None:
    ask(page, "!crash")
    last = answer(page)
    expect(last).to_have_attribute("data-state", "failed", timeout=20_000)
    expect(last.get_by_role("button", name="Try again")).to_be_visible()
    expect(last.locator(".notice")).to_have_text(re.compile("engine", re.IGNORECASE))


def test_an_answer_that_is_html_stays_text(page: Page) -> None:
    ask(page, '!text <img src=x onerror="document.title=1"> <script>document.title=1</script> [x](javascript:alert(1))')
    last = answer(page)
    expect(last.locator("[data-answer]")).to_contain_text("<img src=x")
    expect(last.locator("[data-answer] img, [data-answer] script, [data-answer] a[href^=javascript]")).to_have_count(0)


@pytest.mark.slow  # `test_trouble` restarts a device in the middle of an answer
def test_a_page_says_that_the_device_is_gone_and_recovers_by_itself(context: BrowserContext, state: Path) -> None:
    with daemon(state) as first:
        page = context.new_page()
        page.goto(first.url)
        ask(page, "!text hello")
        answer(page)
        page.locator("#text").fill("still here")
    expect(page.locator("#offline")).to_be_visible(timeout=15_000)
    with daemon(state, "--port", str(httpx.URL(first.url).port)):
        expect(page.locator("#offline")).to_be_hidden(timeout=15_000)
        expect(page.locator("#text")).to_have_value("still here")
