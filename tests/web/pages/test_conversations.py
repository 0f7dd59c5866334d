"""The list of conversations beside the chat."""

import json
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.web.pages.asking import answer, ask


def menu(page: Page, title: str) -> None:
    """Open the menu of a conversation in the list."""
    page.locator(".item", has_text=title).hover()
    page.locator(".item", has_text=title).locator("summary").click()


def test_a_title_is_changed_in_its_place(page: Page) -> None:
    ask(page, "!text old name")
    answer(page)
    menu(page, "old name")
    page.get_by_role("link", name="Rename").click()
    page.locator(".rename input[name=title]").fill("Fresh name")
    page.keyboard.press("Enter")
    expect(page.locator("#conversations")).to_contain_text("Fresh name")


def test_a_pinned_conversation_stands_first(page: Page) -> None:
    ask(page, "!text to be pinned")
    answer(page)
    menu(page, "to be pinned")
    page.get_by_role("button", name="Pin").click()
    expect(page.locator("#conversations section").first).to_contain_text("Pinned")
    expect(page.locator("#conversations .item").first).to_contain_text("to be pinned")


def test_a_deleted_conversation_can_be_brought_back(page: Page) -> None:
    ask(page, "!text throw me away")
    answer(page)
    menu(page, "throw me away")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".toast")).to_be_visible()
    expect(page.locator("#conversations")).not_to_contain_text("throw me away")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#conversations")).to_contain_text("throw me away")
    expect(page.locator("[data-answer]")).to_have_text("throw me away")


def test_another_tab_hears_of_a_new_conversation(page: Page, context: BrowserContext) -> None:
    other = context.new_page()
    other.goto("/")
    ask(page, "!text news for others")
    expect(other.locator("#conversations")).to_contain_text("news for others")


def test_search_finds_words_in_answers(page: Page) -> None:
    ask(page, "!text the quagga lives on")
    answer(page)
    page.keyboard.press("Control+k")
    page.keyboard.type("quag")
    expect(page.locator(".hit mark")).to_have_text("quag")
    page.locator(".hit").click()
    expect(page.locator("[data-answer]")).to_contain_text("the quagga lives on")


def test_a_conversation_is_saved_and_brought_back(page: Page, tmp_path: Path) -> None:
    ask(page, "!text keep me")
    answer(page)
    menu(page, "keep me")
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as JSON").click()
    path = tmp_path / "saved.json"
    download.value.save_as(path)
    saved = json.loads(path.read_text())
    assert saved["format"] == "edgewise-conversations"
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#conversations")).not_to_contain_text("keep me")
    bring(page, path)
    page.locator("#conversations").get_by_role("link", name="keep me").first.click()
    expect(page.locator("[data-answer]")).to_have_text("keep me")


def bring(page: Page, path: Path) -> None:
    """Import a file on the settings page."""
    page.goto("/settings")
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Import chats").click()
    expect(page.locator(".toast")).to_contain_text("imported")


def test_a_conversation_of_two_hundred_messages_opens_at_its_end(page: Page, tmp_path: Path) -> None:
    said = [
        {
            "id": str(n),
            "parent_id": str(n - 1) if n else None,
            "role": ("user", "assistant")[n % 2],
            "text": f"words {n}",
        }
        for n in range(200)
    ]
    path = tmp_path / "long.json"
    talk = {"id": "long", "title": "Two hundred", "messages": said, "leaf": "199", "created": 1, "updated": 1}
    path.write_text(json.dumps({"format": "edgewise-conversations", "version": 1, "conversations": [talk]}))
    bring(page, path)
    page.get_by_role("link", name="Two hundred").first.click()
    expect(page.locator(".message")).to_have_count(200)
    expect(page.get_by_text("words 199")).to_be_in_viewport()
    ask(page, "!text and one more")
    expect(answer(page).locator("[data-answer]")).to_have_text("and one more")
    expect(page.get_by_text("and one more").last).to_be_in_viewport()


def test_settings_of_a_conversation_are_kept(page: Page) -> None:
    ask(page, "!text hello")
    answer(page)
    page.locator("#panel > summary").click()
    page.locator("#system").fill("Be brief.")
    page.locator("#temperature").fill("0.3")
    page.locator("#panel").get_by_role("button", name="Save").first.click()
    expect(page.locator("#panel .notice")).to_have_text("Saved")
    page.reload()
    page.locator("#panel > summary").click()
    expect(page.locator("#system")).to_have_value("Be brief.")
    expect(page.locator("#temperature")).to_have_value("0.3")


def test_a_preset_begins_a_conversation(page: Page) -> None:
    page.goto("/presets")
    page.locator("#name").fill("Pirate")
    page.locator("#system").fill("Talk like a pirate.")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Begin a chat").first.click()
    expect(page.locator("#system")).to_have_value("Talk like a pirate.")
    page.keyboard.press("Escape")
    ask(page, "!text Arr")
    answer(page)
    page.locator("#panel > summary").click()
    expect(page.locator("#system")).to_have_value("Talk like a pirate.")
