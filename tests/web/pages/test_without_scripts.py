"""The chat page in a browser without JavaScript."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.web.pages.asking import SLOW


def send(page: Page, text: str) -> None:
    """Send a message by the button."""
    page.locator("#text").fill(text)
    page.locator(".send").click()


def reload_until(plain: Page, place: str, text: str) -> None:
    """Load the page again and again, sooner than it does so itself."""
    while not plain.locator(place, has_text=text).count():
        plain.reload()


def test_a_message_is_answered(plain: Page) -> None:
    send(plain, "!text plain and **bold**")
    expect(plain.locator("[data-answer] strong")).to_have_text("bold", timeout=15_000)


def test_a_running_answer_is_shown_as_far_as_it_is_and_can_be_stopped(plain: Page) -> None:
    send(plain, SLOW * 3)
    assert plain.locator("noscript").count()
    reload_until(plain, "[data-answer]", "slow")
    plain.get_by_role("button", name="Stop").click()
    reload_until(plain, ".ending", "Stopped")


def test_a_question_is_edited_on_a_page_of_its_own(plain: Page) -> None:
    send(plain, "!text before")
    plain.get_by_role("link", name="Edit").click()
    plain.locator("form.edit textarea").fill("!text after")
    plain.locator("form.edit button").click()
    reload_until(plain, "[data-answer]", "after")
    expect(plain.locator(".versions")).to_contain_text("2/2")


def test_a_conversation_is_renamed_and_deleted_and_restored(plain: Page) -> None:
    send(plain, "!text rename me")
    address = plain.url.partition("#")[0]
    plain.goto(f"{address}/rename")
    plain.locator("#title").fill("Renamed")
    plain.get_by_role("button", name="Save").click()
    expect(plain.locator("h1")).to_have_text("Renamed")
    plain.locator(".item", has_text="Renamed").locator("summary").click(force=True)
    plain.get_by_role("button", name="Delete").click()
    plain.get_by_role("button", name="Undo").click()
    expect(plain.locator("h1")).to_have_text("Renamed")


def test_a_file_goes_with_the_message(plain: Page, notes: Path) -> None:
    plain.locator("input[type=file]").set_input_files(notes)
    send(plain, "What is the code word?")
    reload_until(plain, "[data-answer]", "heliotrope")
