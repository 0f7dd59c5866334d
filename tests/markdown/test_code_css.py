"""The colours of code, on what the page puts behind it."""

import gzip
import re
from pathlib import Path

import pytest

from agent.markdown.code import CLASSES

STATIC = Path(__file__).parents[2] / "web" / "static"
CODE = (STATIC / "code.css").read_text(encoding="utf-8")
PAGE = (STATIC / "app.css").read_text(encoding="utf-8")
THEMES = ("light", "dark")


def colours(sheet: str, theme: str, prefix: str) -> dict[str, str]:
    pairs = re.findall(rf"({prefix}[\w-]*): light-dark\((#\w+), (#\w+)\);", sheet)
    return {name: both[THEMES.index(theme)] for name, *both in pairs}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["--surface", "--raised"])
def test_every_colour_can_be_read(theme: str, ground: str) -> None:
    behind = colours(PAGE, theme, ground)[ground]
    words = colours(CODE, theme, "--code-")
    assert len(words) == 9
    assert {name: ratio for name, colour in words.items() if (ratio := contrast(colour, behind)) < 4.5} == {}


def test_every_class_has_a_colour() -> None:
    assert {name for name in CLASSES.values() if not re.search(rf"\.code \.{name}[ ,]", CODE)} == set()


def test_the_sheet_is_small() -> None:
    assert len(gzip.compress(CODE.encode(), 9)) <= 1500
