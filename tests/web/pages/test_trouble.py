"""What goes wrong in the middle of an answer: the engine, the device, the network, a phone that sleeps."""

import os
import signal
import time
from pathlib import Path

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.web.daemon import Daemon, daemon
from tests.web.pages.asking import answer, ask
from tests.web.pages.relay import relay

SAID = " ".join(["a slow answer that takes its time and goes on"] * 3)


def begun(page: Page) -> None:
    """Ask something that takes two seconds, and wait until the answer has begun."""
    ask(page, f"!delay 15 {SAID}")
    expect(page.locator("[data-answer]")).to_contain_text("a slow")


def words(page: Page) -> str:
    """Return what the page has of the answer."""
    return " ".join(page.locator("[data-answer]").inner_text().split())


def test_an_answer_that_failed_is_tried_again_in_one_way(page: Page) -> None:
    ask(page, "!fail")
    failed = answer(page)
    expect(failed).to_have_attribute("data-state", "failed")
    expect(failed.locator("form[action$='/regenerate']")).to_have_count(1)
    expect(failed.get_by_role("button", name="Try again")).to_be_visible()


def test_an_engine_that_is_killed_leaves_the_text_and_the_answer_can_be_continued(page: Page, device: Daemon) -> None:
    begun(page)
    os.kill(device.engine(), signal.SIGKILL)
    expect(answer(page)).to_have_attribute("data-state", "failed")
    expect(page.locator(".ending")).to_contain_text("broke off in the middle")
    expect(page.locator("#announcer")).to_have_text("The answer failed.")
    kept = words(page)
    assert kept.startswith("a slow")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("[data-state=complete]")).to_be_visible(timeout=20_000)
    assert words(page).startswith(kept)
    expect(page.locator(".ending")).to_have_count(0)


def test_the_reason_of_a_failure_is_told_in_the_language_of_the_page(device: Daemon, chromium: Browser) -> None:
    page = chromium.new_page(base_url=device.url, locale="de")
    page.goto("/")
    ask(page, "!fail")
    expect(answer(page).locator(".ending")).to_contain_text("Das Modell konnte nicht antworten.")
    page.close()


def hide(page: Page, *, hidden: bool) -> None:
    """Have the page believe that nobody sees it, as when a phone sleeps or another tab is in front."""
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_phone_that_slept_shows_what_it_has_missed(page: Page) -> None:
    begun(page)
    hide(page, hidden=True)
    time.sleep(0.2)
    before = words(page)
    time.sleep(0.5)
    assert words(page) == before, "nothing comes while nobody looks"
    hide(page, hidden=False)
    expect(page.locator("[data-state=complete]")).to_be_visible(timeout=20_000)
    assert words(page) == SAID


def test_a_phone_that_slept_longer_than_the_answer_shows_all_of_it(page: Page) -> None:
    ask(page, "!delay 10 " + "short " * 10)
    hide(page, hidden=True)
    time.sleep(2)
    expect(page.locator("[data-state=running]")).to_be_visible()
    hide(page, hidden=False)
    expect(page.locator("[data-state=complete]")).to_be_visible()
    assert words(page) == ("short " * 10).strip()


def test_a_network_that_breaks_off_in_the_middle_loses_nothing(context: BrowserContext, device: Daemon) -> None:
    page = context.new_page()
    with relay(httpx.URL(device.url).port or 0) as way:
        page.goto(way.url)
        begun(page)
        way.cut()
        expect(page.locator("#offline")).to_be_visible(timeout=10_000)
        way.mend()
        expect(page.locator("#offline")).to_be_hidden(timeout=10_000)
        expect(page.locator("[data-state=complete]")).to_be_visible(timeout=20_000)
        assert words(page) == SAID
        page.close()


def test_a_connection_on_which_nothing_is_heard_is_taken_for_dead(chromium: Browser, device: Daemon) -> None:
    page = chromium.new_page()
    page.clock.install()
    with relay(httpx.URL(device.url).port or 0) as way:
        page.goto(way.url)
        expect(page.locator("#conversations")).to_be_visible()
        way.freeze()
        page.clock.fast_forward(41_000)
        page.clock.fast_forward(4_000)
        expect(page.locator("#offline")).to_be_visible()
        way.mend()
        page.clock.resume()
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator("#offline")).to_be_hidden(timeout=10_000)
        page.close()


def test_a_device_that_is_restarted_in_the_middle_keeps_the_text_and_goes_on(
    context: BrowserContext, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    page = context.new_page()
    with daemon(state) as first:
        page.goto(first.url)
        begun(page)
        first.process.terminate()
        first.process.wait(10)
    with daemon(state, "--port", str(httpx.URL(first.url).port)):
        expect(page.locator("[data-state=failed]")).to_be_visible(timeout=15_000)
        expect(page.locator(".ending")).to_contain_text("restarted while it answered")
        kept = words(page)
        assert kept.startswith("a slow")
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("[data-state=complete]")).to_be_visible(timeout=20_000)
    page.close()
