"""The chat page without a mouse: everything can be reached, and the keyboard stays where it was."""

from playwright.sync_api import Locator, Page, expect

from tests.web.pages.asking import SLOW, answer, ask


def item_menu(page: Page, entry: str) -> None:
    """Choose from the menu of the first conversation in the list, by keys."""
    page.locator(".item summary").first.focus()
    page.keyboard.press("Enter")
    page.locator(".item .menu[open]").get_by_text(entry).focus()
    page.keyboard.press("Enter")


def press_enter(control: Locator) -> None:
    """Press a control by the keyboard."""
    control.focus()
    control.press("Enter")


def press(page: Page, name: str) -> None:
    """Press the last control of the messages that is called so."""
    page.locator("#thread").get_by_label(name).last.focus()
    page.keyboard.press("Enter")


def test_who_has_asked_goes_on_writing(page: Page) -> None:
    ask(page, "!text hello")
    expect(page.locator("#text")).to_be_focused()
    ask(page, "!text again")
    answer(page)
    expect(page.locator("#text")).to_be_focused()


def test_focus_stays_near_when_messages_are_replaced(page: Page) -> None:
    ask(page, "!text hello")
    answer(page)
    press(page, "Answer again")
    expect(page.locator(".versions").last).to_contain_text("2/2")
    expect(page.locator("#text")).to_be_focused()
    answer(page)
    press(page, "Previous version")
    expect(page.locator(".versions").get_by_label("Next version")).to_be_focused()
    press(page, "Edit")
    expect(page.locator("form.edit textarea")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("form.edit")).to_have_count(0)
    expect(page.locator("#thread").get_by_label("Edit")).to_be_focused()


def test_who_stops_an_answer_or_has_it_go_on_writes_next(page: Page) -> None:
    for stop, go_on in ((Locator.click, Locator.click), (press_enter, press_enter)):
        ask(page, SLOW)
        stop(page.get_by_role("button", name="Stop", exact=True))
        expect(page.locator("#text")).to_be_focused()
        go_on(answer(page).get_by_role("button", name="Continue"))
        expect(page.locator("[data-state=running]")).to_be_visible()
        expect(page.locator("#text")).to_be_focused()
        page.keyboard.press("Escape")
        answer(page)
        expect(page.locator("#text")).to_be_focused()


def test_focus_stays_near_when_the_list_is_replaced(page: Page) -> None:
    ask(page, "!text by keys")
    answer(page)
    trigger = page.locator(".item summary").first
    item_menu(page, "Rename")
    expect(page.locator(".rename input[name=title]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(trigger).to_be_focused()
    item_menu(page, "Rename")
    expect(page.locator(".rename input[name=title]")).to_be_focused()
    page.keyboard.type("By keys alone")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("By keys alone")
    assert page.title().startswith("By keys alone · ")
    expect(trigger).to_be_focused()
    item_menu(page, "Pin")
    expect(page.locator("#conversations section").first).to_contain_text("Pinned")
    expect(trigger).to_be_focused()
    page.goto("/")
    ask(page, "!text another")
    answer(page)
    item_menu(page, "Delete")
    expect(page.get_by_role("button", name="Undo")).to_be_focused()


def test_escape_leaves_a_menu_and_a_dialog_and_returns_to_what_opened_it(page: Page) -> None:
    summary = page.locator("#panel > summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#system")).to_be_focused()
    page.keyboard.press("Escape")
    expect(summary).to_be_focused()
    link = page.get_by_role("link", name="Keyboard shortcuts")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#help dl")).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_focused()


def test_every_control_is_reached_by_tab(page: Page) -> None:
    ask(page, "!text hello")
    answer(page)
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText")
        )
    assert {
        "New chat",
        "Search chats",
        "Copy",
        "Edit",
        "Answer again",
        "Settings of this chat",
        "Write a message",
    } <= reached
