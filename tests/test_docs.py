"""The documentation names every command, setting and file, and its links lead somewhere."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import create_parser
from agent.config import SETTINGS
from agent.setting_values import Setting

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    """Return where the links of a page lead, but for those to other sites."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [target for target in LINK.findall(text) if "://" not in target and not target.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """Return the anchors that the headings of a page get: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def commands(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield every command as it is typed: `edgewise run`, `edgewise models list`."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from commands(command) if command._subparsers else [command.prog]


def test_every_command_is_documented() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    listed = list(commands(create_parser()))
    assert "edgewise run" in listed
    assert not [command for command in listed if command not in text]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented_with_its_variable_and_meaning(setting: Setting) -> None:
    row = next(line for line in CONFIGURATION.read_text(encoding="utf-8").splitlines() if f"`{setting.name}`" in line)
    assert f"`{setting.variable}`" in row
    assert setting.help in row


def test_every_variable_in_the_documentation_exists() -> None:
    known = {setting.variable for setting in SETTINGS} | {"EDGEWISE_CONFIG", "EDGEWISE_NAME"}  # NAME: any of them
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert set(re.findall(r"\bEDGEWISE_[A-Z_]+\b", text)) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached = {README}
    waiting = [README]
    while waiting:
        page = waiting.pop()
        found = {(page.parent / target.partition("#")[0]).resolve() for target in links(page)}
        new = {path for path in found - reached if path.suffix == ".md" and path.is_file()}
        reached |= new
        waiting += new
    assert not [page.relative_to(ROOT).as_posix() for page in PAGES if page not in reached]
