"""A start loads what every daemon needs, and waits with the rest."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import create_parser

ROOT = Path(__file__).parents[1]
RARE = {
    "cryptography",
    "httpx",
    "latex2mathml",
    "markdown_it",
    "nh3",
    "paho",
    "pygments",
    "pypdf",
    "segno",
    "zeroconf",
    "agent.cli.doctor",
}
START = """
import sys
from pathlib import Path
from agent.cli import create_parser
create_parser("run")
from agent.config import Config
from agent.node import Node
from web.app import create_app
create_app(Node(Config(state_dir=Path(sys.argv[1])), {}))
print(*sys.modules)
"""


def test_what_is_rarely_needed_is_loaded_when_it_is(tmp_path: Path) -> None:
    command = [sys.executable, "-c", START, str(tmp_path)]
    loaded = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert {"litestar", "web.pages.chat"} <= set(loaded)
    assert not RARE & set(loaded)


@pytest.mark.parametrize("name", ["", "--config", "nonsense", "settings"])
def test_who_names_no_command_is_told_all(name: str) -> None:
    assert create_parser(name).format_help() == create_parser().format_help()
