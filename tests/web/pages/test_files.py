"""Files in the composer: by the button, dropped, pasted; where they wait, and what is said about them."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.chat.pdf_files import pdf, text
from tests.web.pages.asking import answer, ask

BRING = """([kind, name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, { type: "text/plain" }));
  const target = document.getElementById("text");
  const how = { bubbles: true, cancelable: true };
  if (kind === "paste") return target.dispatchEvent(new ClipboardEvent("paste", { ...how, clipboardData: transfer }));
  target.dispatchEvent(new DragEvent("dragover", { ...how, dataTransfer: transfer }));
  target.dispatchEvent(new DragEvent("drop", { ...how, dataTransfer: transfer }));
}"""


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_a_file_is_pasted_or_dropped(page: Page, kind: str) -> None:
    page.evaluate(BRING, [kind, "plan.txt", "The plan is heliotrope."])
    expect(page.locator("#chips .chip")).to_contain_text("plan.txt")
    expect(page.locator("#composer")).not_to_have_class("drop")
    ask(page, "What is the plan?")
    expect(answer(page).locator("[data-answer]")).to_contain_text("heliotrope")


def test_text_that_is_pasted_stays_text(page: Page) -> None:
    page.locator("#text").focus()
    page.keyboard.insert_text("many words " * 450)
    expect(page.locator("#text")).to_have_value("many words " * 450)
    assert page.evaluate("text.offsetHeight") <= 0.4 * 800 + 2
    expect(page.locator("#room")).to_contain_text("tokens")
    expect(page.locator(".send")).to_be_in_viewport()
    page.locator("#text").fill("")


def test_a_pdf_is_read(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "letter.pdf"
    path.write_bytes(pdf(text("The secret is heliotrope.")))
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator("#chips .chip")).to_contain_text("letter.pdf")
    ask(page, "What is the secret?")
    expect(answer(page).locator("[data-answer]")).to_contain_text("heliotrope")


def test_files_wait_in_the_conversation_to_which_they_were_added(
    page: Page, context: BrowserContext, notes: Path
) -> None:
    ask(page, "!text hello")
    answer(page)
    page.locator("input[type=file]").set_input_files(notes)
    expect(page.locator("#chips .chip")).to_have_count(1)
    other = context.new_page()
    other.goto("/")
    expect(other.locator("#chips .chip")).to_have_count(0)
    ask(other, "!text another talk")
    expect(other.locator("#chips .chip")).to_have_count(0)
    page.reload()
    expect(page.locator("#chips .chip")).to_have_count(1)
    ask(page, "What is the code word?")
    expect(page.locator(".message.user").last.locator(".chip")).to_contain_text("notes.md")
    page.reload()
    expect(page.locator("#chips .chip")).to_have_count(0)


def test_a_file_alone_can_be_sent_and_has_a_title(page: Page, notes: Path) -> None:
    page.locator("input[type=file]").set_input_files(notes)
    expect(page.locator("#chips .chip")).to_have_count(1)
    page.locator(".send").click()
    expect(page.locator(".message.user .chip")).to_contain_text("notes.md")
    expect(page.locator("#conversations [aria-current]")).to_have_text("notes.md")


def test_files_that_are_larger_than_the_context_are_announced_before(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("words " * 6000)
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator("#room .badge.warn")).to_be_visible()
    page.get_by_role("button", name="Remove book.txt").click()
    expect(page.locator("#room .badge.warn")).to_have_count(0)


def test_a_file_larger_than_allowed_is_refused_with_the_reason(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    path.write_bytes(b"x" * (11 << 20))
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator("#notices [role=alert]")).to_contain_text("too large")
    expect(page.locator("#chips .chip")).to_have_count(0)
    expect(page.locator("#composer")).not_to_have_class("uploading")
