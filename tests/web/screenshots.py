"""Pictures of every page in every state, for people to look at: `python -m tests.web.screenshots FOLDER`.

Each is taken on a desktop and on a phone, in light and in dark colours: the chat from a daemon with the echo engine,
all else (see `scenes`) from a device that was made up for it.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.web.daemon import daemon
from tests.web.pages.conftest import CHROMIUM, FLAGS
from tests.web.scenes import SCENES, UNCLAIMED, Scene, sign_in
from tests.web.showcase import showcase

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
TALLEST = 4000  # pixels; what is below is more of the same
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


def profiles(browser: Browser, url: str) -> Iterator[tuple[str, BrowserContext]]:
    """Yield a fresh profile for each size and colour scheme, with what its pictures are called by."""
    for device, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            size: ViewportSize = {"width": width, "height": height}
            context = browser.new_context(base_url=url, color_scheme=scheme, viewport=size, locale="en")
            yield f"{device}-{scheme}", context
            context.close()


def take_chat(browser: Browser, url: str, folder: Path) -> None:
    """Take the pictures of the chat."""
    for state, act in STATES.items():
        for kind, context in profiles(browser, url):
            page = context.new_page()
            page.goto("/")
            act(page)
            page.wait_for_timeout(300)
            page.screenshot(path=folder / f"{state}-{kind}.png")
            if page.locator("#composer[data-running]").count():
                stop(page)


def take_scenes(browser: Browser, url: str, folder: Path, scenes: Mapping[str, Scene]) -> None:
    """Take the pictures of the other pages, as high as they are."""
    for who in {scene.who: None for scene in scenes.values()}:
        for kind, context in profiles(browser, url):
            if who:
                sign_in(context.new_page(), who)
            for name, scene in scenes.items():
                if scene.who == who:
                    take_scene(context.new_page(), scene, folder / f"{name}-{kind}.png")


def take_scene(page: Page, scene: Scene, path: Path) -> None:
    """Bring a page into its state and take its picture."""
    page.goto(scene.path)
    scene.act(page)
    height = page.locator("main").evaluate("main => main.scrollHeight + main.getBoundingClientRect().top")
    size = page.viewport_size or {"width": 0, "height": 0}
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(round(height), TALLEST))})
    page.wait_for_timeout(100)
    page.screenshot(path=path)
    page.close()


def take_all(browser: Browser, state: Path, folder: Path) -> None:
    """Take every picture."""
    with showcase(state / "unclaimed", household=False) as device:
        take_scenes(browser, device.url, folder, UNCLAIMED)
    with showcase(state / "busy") as device:
        take_scenes(browser, device.url, folder, SCENES)
    with daemon(state / "chat") as running:
        take_chat(browser, running.url, folder)


def main() -> None:
    """Take every picture and put it into the folder that the command line names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        take_all(browser, Path(state), folder)
        browser.close()


if __name__ == "__main__":
    main()
