"""Light and dark: as the system has it, unless somebody has chosen."""

import pytest
from playwright.sync_api import Page


def background(page: Page, theme: str) -> str:
    """Return the colour behind a page whose reader has chosen a theme; empty for none."""
    page.evaluate("theme => theme ? document.documentElement.dataset.theme = theme : 0", theme)
    return str(page.evaluate("getComputedStyle(document.documentElement).backgroundColor"))


@pytest.mark.parametrize("system", ["light", "dark"])
def test_a_choice_comes_before_what_the_system_has(page: Page, system: str) -> None:
    page.emulate_media(color_scheme="dark" if system == "dark" else "light")
    untouched, light, dark = (background(page, theme) for theme in ("", "light", "dark"))
    assert light == "rgb(251, 249, 245)"
    assert dark == "rgb(26, 25, 23)"
    assert untouched == {"light": light, "dark": dark}[system]
