"""Pictures of the chat page in every state, for people to look at: `python -m tests.web.screenshots FOLDER`.

Each is taken on a desktop and on a phone, in light and in dark colours, from a daemon with the echo engine.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.web.daemon import daemon
from tests.web.pages.conftest import CHROMIUM, FLAGS

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LONG = "!delay 20 The answer is on its way, and it has **a few words** to say before it ends. " + "And more. " * 40
RICH = """!text <think>The reader wants to see everything.</think>Here is a *short* tour with `code` and [a link](https://example.org).

### A list

1. First, gather what you need.
2. Then do the work:
   - slowly,
   - and with tea.

```python
def area(radius: float) -> float:
    \"\"\"Return the area of a circle.\"\"\"
    return 3.14159 * radius**2
```

| Board | Memory | Speed |
|---|---:|---:|
| Raspberry Pi 5 | 8 GiB | 14.8 tok/s |

> As somebody once said.

$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$
"""


def ask(page: Page, text: str, *, wait: bool = True) -> None:
    """Send a message, and see its answer through if that is wanted."""
    page.locator("#text").fill(text)
    page.locator(".send").click()
    page.wait_for_selector(".message.assistant")
    if wait:
        page.wait_for_selector(".message.assistant:last-child:not([data-state=running])", timeout=20_000)
    page.wait_for_timeout(600)


def stopped(page: Page) -> None:
    """Stop an answer."""
    ask(page, LONG, wait=False)
    stop(page)


def stop(page: Page) -> None:
    """Free the engine."""
    page.locator(".stop").click()
    page.wait_for_selector("[data-state=stopped]")


def regenerated(page: Page) -> None:
    """Make two versions of an answer and open what is known of the second."""
    ask(page, "!text مرحبا، كيف الحال؟")
    page.get_by_role("button", name="Answer again").click()
    page.wait_for_selector(".versions")
    page.wait_for_selector(".message.assistant:not([data-state=running])")
    page.locator(".stats summary").click()


def attached(page: Page) -> None:
    """Attach files, one of them larger than the context."""
    files = [{"name": f"{name}.md", "mimeType": "text/plain", "buffer": b"words " * size} for name, size in FILES]
    page.locator("input[type=file]").set_input_files(files)  # type: ignore[arg-type]  # a list of payloads
    page.wait_for_selector("#room .badge")


def offline(page: Page) -> None:
    """Lose the device while something is being written."""
    ask(page, "!text hello")
    page.locator("#text").fill("Is anybody there?")
    page.context.set_offline(offline=True)
    page.keyboard.press("Enter")
    page.wait_for_selector("#notices .notice")


def drawer(page: Page) -> None:
    """Open the list on a phone, or a menu in it."""
    if page.locator(".openers").is_visible():
        page.locator("#drawer").press("Space")
    page.locator(".item").nth(1).hover()
    page.locator(".item summary").nth(1).click()
    page.wait_for_timeout(300)


def shortcuts(page: Page) -> None:
    """Ask for the sheet of shortcuts."""
    page.locator("#scroller").focus()
    page.keyboard.press("?")


FILES = (("notes", 100), ("everything", 6000))
STATES: dict[str, Callable[[Page], object]] = {
    "welcome": lambda _: None,
    "answer": lambda page: ask(page, RICH),
    "answering": lambda page: ask(page, LONG, wait=False),
    "stopped": stopped,
    "failed": lambda page: ask(page, "!fail"),
    "versions": regenerated,
    "settings": lambda page: page.locator("#panel > summary").click(),
    "models": lambda page: page.locator(".picker > summary").click(),
    "list": drawer,
    "offline": offline,
    "shortcuts": shortcuts,
    "search": lambda page: page.goto("/search?q=tour"),
    "presets": lambda page: page.goto("/presets"),
    "attachments": attached,
}


def take(context: BrowserContext, state: str, path: Path) -> None:
    """Bring the page into a state and take its picture."""
    page = context.new_page()
    page.goto("/")
    STATES[state](page)
    page.wait_for_timeout(300)
    page.screenshot(path=path)
    if page.locator("#composer[data-running]").count():
        stop(page)
    page.close()


def take_all(browser: Browser, url: str, folder: Path) -> None:
    """Take every picture."""
    for state in STATES:
        for device, (width, height) in SIZES.items():
            for scheme in SCHEMES:
                context = browser.new_context(
                    base_url=url, color_scheme=scheme, viewport={"width": width, "height": height}, locale="en"
                )
                take(context, state, folder / f"{state}-{device}-{scheme}.png")
                context.close()


def main() -> None:
    """Take every picture and put it into the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, daemon(Path(state)) as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        take_all(browser, running.url, folder)
        browser.close()


if __name__ == "__main__":
    main()
