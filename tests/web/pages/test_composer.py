"""Writing a message: keys, drafts, files, and sending that fails."""

from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.web.pages.asking import answer, ask


def test_shift_and_enter_make_a_new_line(page: Page) -> None:
    page.locator("#text").fill("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    assert page.locator("#text").input_value() == "one\ntwo"


def test_enter_that_ends_a_composition_sends_nothing(page: Page) -> None:
    page.locator("#text").fill("日本")
    page.locator("#text").dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    page.locator("#text").dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    expect(page.locator("#text")).to_have_value("日本")
    assert "/c/" not in page.url


def test_an_empty_message_cannot_be_sent(page: Page) -> None:
    expect(page.locator(".send")).to_be_disabled()
    page.locator("#text").fill("   ")
    expect(page.locator(".send")).to_be_disabled()


def test_a_draft_survives_a_reload(page: Page) -> None:
    page.locator("#text").fill("half a thought")
    page.reload()
    expect(page.locator("#text")).to_have_value("half a thought")


def test_a_draft_is_there_on_another_device(page: Page, context: BrowserContext) -> None:
    ask(page, "!text hello")
    answer(page)
    with page.expect_response("**/draft"):
        page.locator("#text").fill("to be continued")
    other = context.browser
    assert other is not None
    elsewhere = other.new_page()
    elsewhere.goto(page.url)
    expect(elsewhere.locator("#text")).to_have_value("to be continued")
    elsewhere.close()


def test_nothing_is_lost_when_the_device_does_not_answer(page: Page, context: BrowserContext) -> None:
    ask(page, "!text hello")
    answer(page)
    context.set_offline(True)
    page.locator("#text").fill("an important question")
    page.keyboard.press("Enter")
    expect(page.locator("#notices")).to_contain_text("did not answer")
    expect(page.locator("#text")).to_have_value("an important question")
    context.set_offline(False)
    page.keyboard.press("Enter")
    expect(page.locator(".message.user")).to_have_count(2)


def test_a_file_goes_with_the_message(page: Page, notes: Path) -> None:
    page.locator("input[type=file]").set_input_files(notes)
    expect(page.locator("#chips .chip")).to_contain_text("notes.md")
    ask(page, "What is the code word?")
    expect(answer(page).locator("[data-answer]")).to_contain_text("heliotrope")
    expect(page.locator(".message.user .chip")).to_contain_text("notes.md")
    expect(page.locator("#chips .chip")).to_have_count(0)


def test_a_file_can_be_taken_back(page: Page, notes: Path) -> None:
    page.locator("input[type=file]").set_input_files(notes)
    page.get_by_role("button", name="Remove notes.md").click()
    expect(page.locator("#chips .chip")).to_have_count(0)
    page.reload()
    expect(page.locator("#chips .chip")).to_have_count(0)


def test_a_file_without_text_is_refused_with_the_reason(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "picture.bin"
    path.write_bytes(bytes(range(256)) * 10)
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator("#notices [role=alert]")).to_contain_text("picture.bin")
    expect(page.locator("#chips .chip")).to_have_count(0)


def test_a_message_that_does_not_fit_is_announced_before(page: Page) -> None:
    page.locator("#text").fill("many words " * 4000)
    expect(page.locator("#room .badge.warn")).to_be_visible()
