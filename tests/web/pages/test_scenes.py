"""Every page that is not the chat, in every state, on a small phone: nobody is shut out, and nothing is cut off."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.web.pages.test_look import violations
from tests.web.scenes import PARTS, UNCLAIMED, Scene, sign_in
from tests.web.showcase import Showcase, showcase

SMALL = 320  # pixels; also what a screen of 1280 has left at 400 %
FINGER = 44  # pixels
# What is touched, but for links in running text and for fields whose label is touched too.
TOUCHED = """() => [...document.querySelectorAll(
    '.page :is(.button, select, summary, .tabs a), .page input:not(label *), .plain :is(.button, input:not(label *))'
)].filter(part => part.checkVisibility() && part.type != 'hidden' && !part.matches('.visually-hidden, [type=file]'))
  .filter(part => part.getBoundingClientRect().height < %d - .5).map(part => part.outerHTML)"""


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    with showcase(tmp_path_factory.mktemp("showcase") / "state") as device:
        yield device


def fits(page: Page) -> bool:
    """Tell whether nothing has to be scrolled sideways."""
    main = page.locator("main")
    wide = page.evaluate("document.documentElement.scrollWidth"), main.evaluate("main => main.scrollWidth")
    return bool(max(wide) <= SMALL)


def look(page: Page, scenes: dict[str, Scene], who: str, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # no colour is on its way to another
    for name, scene in scenes.items():
        if scene.who == who:
            page.goto(scene.path)
            scene.act(page)
            assert fits(page), name
            assert not page.evaluate(TOUCHED % FINGER), name
            assert not violations(page), name


def enter(chromium: Browser, url: str, who: str) -> Page:
    """Return a tab on a small screen, in which somebody has signed in."""
    context = chromium.new_context(base_url=url, viewport={"width": SMALL, "height": 640}, locale="en")
    context.set_default_timeout(10_000)
    page = context.new_page()
    if who:
        sign_in(page, who)
        page.wait_for_url("**/settings")
    return page


@pytest.fixture(scope="module")
def tab_of(chromium: Browser, busy: Showcase) -> Callable[[str], Page]:
    """Return the tab of somebody."""
    return functools.cache(functools.partial(enter, chromium, busy.url))


# One part and person at a time, so that no test takes long on a slow machine.
CASES = [(part, who) for part, scenes in PARTS.items() for who in sorted({scene.who for scene in scenes.values()})]


LONG = {("models", "Ada"), ("settings", "Ada")}  # a quarter of the time of all
DARK = [pytest.param(*case, marks=pytest.mark.slow) if case in LONG else case for case in CASES]


@pytest.mark.parametrize(("part", "who"), DARK)
def test_axe_finds_nothing_and_fingers_find_everything(tab_of: Callable[[str], Page], part: str, who: str) -> None:
    look(tab_of(who), PARTS[part], who, "dark")


@pytest.mark.slow
@pytest.mark.parametrize(("part", "who"), CASES)
def test_axe_finds_nothing_in_light_colours_either(tab_of: Callable[[str], Page], part: str, who: str) -> None:
    look(tab_of(who), PARTS[part], who, "light")


def test_the_claim_page_is_for_everybody_too(chromium: Browser, tmp_path: Path) -> None:
    with showcase(tmp_path / "state", household=False) as device:
        page = enter(chromium, device.url, "")
        look(page, UNCLAIMED, "", "light")
        look(page, UNCLAIMED, "", "dark")
