"""How answers grow and go on: thinking, what was cut, the end in view, and fast answers."""

import re

from playwright.sync_api import Page, expect

from tests.web.pages.asking import SLOW, answer, ask

# Whether the page shows the answer as the device keeps it.
KEPT = """async () => {
  const message = document.querySelector(".message.assistant");
  const reply = await fetch("/m/" + message.dataset.message);
  const kept = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector("[data-answer]");
  const shown = message.querySelector("[data-answer]").cloneNode(true);
  for (const button of shown.querySelectorAll(".copy")) button.remove();
  return shown.innerHTML === kept.innerHTML || [shown.innerHTML, kept.innerHTML];
}"""


def rest(page: Page) -> int:
    """Return how many pixels there are below what is to be seen."""
    return int(page.evaluate("scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight"))


def test_thinking_is_shown_live_and_folded_with_its_time(page: Page) -> None:
    ask(page, "!delay 25 <think>Let me think about this for a good while now, shall we?</think>Here it is.")
    expect(page.locator("[data-phase-text]")).to_contain_text("Thinking")
    expect(page.locator("[data-thinking-label]")).to_have_text("Thinking …")
    page.locator(".thinking > summary").click()
    expect(page.locator(".thought")).to_contain_text("Let me think")
    expect(page.locator(".message.assistant")).to_have_attribute("data-state", "complete", timeout=10_000)
    expect(page.locator("[data-thinking-label]")).to_have_text(re.compile(r"Thought for \d"))
    expect(page.locator("[data-answer]")).to_have_text("Here it is.")


def test_an_answer_that_was_cut_is_continued(page: Page) -> None:
    page.locator("#panel > summary").click()
    page.locator("#max_tokens").fill("10")
    page.keyboard.press("Escape")
    ask(page, "!text abcdefghijklmnop")
    expect(answer(page).locator(".ending")).to_contain_text("reached its limit")
    for length in (20, 30, 40):
        page.get_by_role("button", name="Continue").click()
        expect(page.locator("[data-answer]")).to_have_text(("abcdefghij" * 4)[:length])
        expect(answer(page)).to_have_attribute("data-state", "cut")


def test_many_short_answers_all_end_and_the_last_is_in_view(page: Page) -> None:
    ask(page, "!text start")
    answer(page)
    for number in range(12):
        page.locator("#text").fill(f"!text number {number}")
        page.keyboard.press("Enter")
        expect(page.locator(".message.assistant")).to_have_count(number + 2)
        expect(answer(page).locator("[data-answer]")).to_have_text(f"number {number}")
    expect(page.locator("#jump")).to_be_hidden()
    assert rest(page) < 2


def test_what_was_told_stays_on_the_page_and_is_what_is_kept(page: Page) -> None:
    rows = "".join(f"| {number} | **b** |\n" for number in range(9))
    ask(
        page,
        f"!delay 2 !text 1. one\n2. two\n   - of it\n\n3. three\n\n| a | b |\n|---|---|\n{rows}\n```py\nx\n```\n\nend",
    )
    page.locator("[data-answer] tbody tr").first.evaluate("row => (window.first = row)")
    page.locator("[data-answer] ol").evaluate("list => (window.list = list)")
    expect(answer(page).locator(".actions")).to_be_visible()
    assert page.evaluate("first.isConnected && list.isConnected && first.parentNode.children.length") == 9
    assert page.evaluate(KEPT) is True


def test_what_was_missed_is_there_at_the_end(page: Page) -> None:
    ask(page, "!delay 5 !text - one\n- two\n- three\n- four\n- five\n- six\n- seven\n- eight\n- nine\n")
    expect(page.locator("[data-answer] > ul > li").nth(1)).to_be_visible()
    page.reload()
    expect(answer(page).locator(".actions")).to_be_visible()
    assert page.evaluate(KEPT) is True


def test_who_scrolls_up_is_left_there_and_can_jump_back(page: Page) -> None:
    ask(page, "!text " + "a line\n\n" * 40)
    answer(page)
    ask(page, SLOW)
    page.locator("#scroller").hover()
    page.mouse.wheel(0, -600)
    expect(page.locator("#jump")).to_be_visible()
    there = page.evaluate("scroller.scrollTop")
    page.wait_for_timeout(500)
    assert page.evaluate("scroller.scrollTop") == there
    page.locator("#jump").click()
    expect(page.locator("#jump")).to_be_hidden()
    page.keyboard.press("Escape")


def test_a_conversation_that_is_deleted_elsewhere_ends_its_answer_and_is_left(page: Page) -> None:
    ask(page, SLOW * 2)
    address = page.url.partition("#")[0]
    other = page.context.new_page()
    other.goto("/")
    other.locator(".item summary").first.click(force=True)
    other.get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("deleted="))
    page.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(re.compile(address))
    expect(page.locator(".message.assistant")).to_have_attribute("data-state", "stopped")
    other.close()


def test_a_message_of_marks_alone_and_a_double_click_make_one_conversation_with_a_title(page: Page) -> None:
    page.locator("#text").fill("...")
    page.locator(".send").dblclick()
    expect(answer(page)).to_have_attribute("data-state", "complete")
    expect(page.locator(".message")).to_have_count(2)
    expect(page.locator("#conversations [aria-current]")).to_have_text("...")


def test_the_greeting_is_in_view_on_a_small_screen_and_nothing_moves_where_motion_is_unwanted(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 640, "height": 400})  # 1280 x 800 at 200 %
    page.goto("/")
    assert page.evaluate("scroller.scrollTop") == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 640
    ask(page, SLOW)
    assert page.evaluate("document.getAnimations().filter(one => one.effect.getTiming().iterations > 1).length") == 0
    page.keyboard.press("Escape")


def test_the_instructions_of_a_conversation_reach_the_model(page: Page) -> None:
    ask(page, "!text hello")
    short = tokens(page)
    page.goto("/")
    page.locator("#panel > summary").click()
    page.locator("#system").fill("x" * 500)
    page.keyboard.press("Escape")
    ask(page, "!text hello")
    assert tokens(page) - short >= 500


def tokens(page: Page) -> int:
    """Return how many tokens the model has read, as the page says."""
    answer(page).locator(".stats summary").click()
    said = page.locator(".stats dd", has_text="of them known").inner_text()
    return int(said.split()[0])
