"""A bad connection, 400 ms away and 50 kB in a second: answers grow, nothing is sent twice, nothing typed is lost."""

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.web.pages.asking import SLOW, answer, ask

BAD = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}


@pytest.fixture
def far(page: Page, context: BrowserContext) -> Page:
    """A tab with this connection."""
    cdp = context.new_cdp_session(page)
    cdp.send("Network.enable")
    cdp.send("Network.emulateNetworkConditions", BAD)
    return page


def test_an_answer_grows_and_a_message_is_sent_once(far: Page) -> None:
    sent: list[str] = []
    far.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    far.locator("#text").fill(SLOW)
    far.keyboard.press("Enter")
    far.keyboard.press("Enter")
    far.locator(".send").click(force=True)
    expect(far.locator("[data-answer]")).to_contain_text("a slow")
    expect(far.locator("[data-state=running]")).to_be_visible()
    far.keyboard.press("Escape")
    expect(answer(far)).to_have_attribute("data-state", "stopped")
    expect(far.locator(".message.user")).to_have_count(1)
    assert len([address for address in sent if address.endswith("/c")]) == 1


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_what_is_typed_while_a_message_is_sent_waits_for_the_next(far: Page, first: bool) -> None:  # noqa: FBT001 - a case
    if not first:
        ask(far, "!text begun")
        answer(far)
    far.locator("#text").fill("!text hello")
    far.keyboard.press("Enter")
    far.keyboard.type("and then")
    expect(far.locator(".bubble").last).to_have_text("!text hello")
    expect(far.locator("#text")).to_have_value("and then")
    far.reload()
    expect(far.locator("#text")).to_have_value("and then")


def test_what_is_typed_before_the_scripts_run_is_not_replaced_by_an_older_draft(page: Page) -> None:
    page.locator("#text").fill("an older draft")
    held: list[Route] = []
    page.route("**/composer*", lambda route: held.append(route))  # noqa: PLW0108 - playwright marks what it is given
    with page.expect_request("**/composer*"):
        page.reload(wait_until="commit")
    page.locator("#text").fill("a new thought")
    held[0].continue_()
    page.wait_for_load_state()
    expect(page.locator("#text")).to_have_value("a new thought")
