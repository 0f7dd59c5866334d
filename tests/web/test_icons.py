"""Icons that templates ask for are in the sprite."""

import re
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"


def test_every_icon_that_a_template_names_exists() -> None:
    there = set(re.findall(r'<symbol id="([a-z0-9-]+)"', (WEB / "static" / "icons.svg").read_text()))
    asked = {
        (path.name, name)
        for path in (WEB / "templates").rglob("*.html")
        for name in re.findall(r'\bicon\("([a-z0-9-]+)"', path.read_text())
    }
    assert len(asked) > 20
    assert not {(page, name) for page, name in asked if name not in there}
