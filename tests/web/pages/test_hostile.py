"""Whatever models, people and files say stays text: no script, no request elsewhere, no control of the page."""

from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, Request, expect

from tests.web.daemon import Daemon
from tests.web.pages.asking import answer, ask

TAG = '"><img src=x onerror=alert(1)>'
ANSWER = f"""# {TAG}

![pixel](http://evil.example/x.png) [js](javascript:alert(1)) [data](data:text/html,<script>alert(1)</script>)

<iframe src=//evil.example></iframe> <style>*{{display:none}}</style> <a hx-get="/settings" hx-trigger="load">x</a>

<div id="composer" hx-post="/c/x/delete" hx-trigger="load" data-state="running">clobber</div>

```html" onclick="alert(1)
<script>alert(1)</script>
```

$\\href{{javascript:alert(1)}}{{x}}$ $\\style{{color:red}}{{y}}$
"""
ELEMENTS = "img, script, iframe, style, form, input"
FORBIDDEN = f"{ELEMENTS}, [onclick], [onerror], [hx-get], [hx-post], [id], [href^=javascript], [href^=data]"


@pytest.fixture
def troubles(page: Page, device: Daemon) -> list[str]:
    """Return what must not happen: dialogs, and requests that leave the device."""
    found: list[str] = []

    def dialog(shown: Dialog) -> None:
        found.append(shown.message)
        shown.dismiss()

    def request(sent: Request) -> None:
        if not sent.url.startswith((device.url, "data:", "blob:")):
            found.append(sent.url)

    page.on("dialog", dialog)
    page.on("request", request)
    return found


@pytest.mark.parametrize("how", ["!text ", "!delay 1 "])
def test_an_answer_controls_nothing_while_it_grows_and_after(page: Page, troubles: list[str], how: str) -> None:
    ask(page, how + ANSWER)
    for _ in range(5):
        expect(page.locator("[data-answer]").locator(FORBIDDEN)).to_have_count(0)
        page.wait_for_timeout(50)
    expect(page.locator(".message.assistant")).to_have_attribute("data-state", "complete", timeout=20_000)
    expect(page.locator("[data-answer]").locator(FORBIDDEN)).to_have_count(0)
    expect(page.locator("[data-answer] code")).to_have_text("<script>alert(1)</script>\n")
    assert not troubles


def test_titles_thoughts_and_names_of_files_are_text(page: Page, troubles: list[str], tmp_path: Path) -> None:
    path = tmp_path / 'a<img src=x onerror="alert(1)">.txt'
    path.write_text("harmless")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator("#chips .chip")).to_contain_text("<img")
    ask(page, f"{TAG} <think>{TAG}</think>")
    answer(page)
    expect(page.locator("h1")).to_contain_text("<img")
    expect(page.locator("#conversations [aria-current]")).to_contain_text("<img")
    page.keyboard.press("Control+k")
    page.keyboard.type("onerror")
    expect(page.locator(".hit mark").first).to_have_text("onerror")
    expect(page.locator("body img")).to_have_count(0)
    assert not troubles


def test_long_words_and_lines_stay_inside_their_message(page: Page) -> None:
    code = f"```\n{'y' * 300}\n```\n\n`{'z' * 200}`"
    ask(page, f"!text {'x' * 400}\n\n{code}\n\n| {'w' * 150} | b |\n|---|---|\n| 1 | 2 |\n\n# {'h' * 100}")
    expect(answer(page)).to_have_attribute("data-state", "complete")
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate("scroller.scrollWidth - scroller.clientWidth") == 0
