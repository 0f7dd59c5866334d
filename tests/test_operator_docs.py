"""What the pages for operators promise: models that recorded boards choose, metrics and events that exist."""

import asyncio
import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # litestar brings it; its types are a package of their own

from agent.cli.choosing import chooser
from agent.config import Config
from agent.units import format_bytes

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BOARD = re.compile(r"^\| [^|]+ \| `([\w-]+)` \| ([^|]+) \| ([\d.]+) \| ([^|]+) \|$", re.MULTILINE)
BOARDS = BOARD.findall((DOCS / "boards.md").read_text(encoding="utf-8"))


def test_all_boards_of_the_page_are_looked_at() -> None:
    assert len(BOARDS) >= 5


@pytest.mark.parametrize(("board", "model", "speed", "memory"), BOARDS, ids=[row[0] for row in BOARDS])
def test_the_page_says_what_a_recorded_board_chooses(
    tmp_path: Path, board: str, model: str, speed: str, memory: str
) -> None:
    root = ROOT / "tests" / "boards" / board / "tree"
    chosen = asyncio.run(chooser(Config(state_dir=tmp_path), root).choose(remember=False))
    assert chosen.predicted
    assert chosen.memory
    assert model == f"{chosen.title} {chosen.quantization}"
    assert speed == f"{chosen.predicted.decode:.1f}"
    assert memory == f"{format_bytes(chosen.memory.total)} of {format_bytes(chosen.budget.usable)}"


def test_alerts_are_made_of_metrics_that_exist() -> None:
    page = (DOCS / "fleet-rollout.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (group,) = yaml.safe_load(block)["groups"]
    known = set(re.findall(r"`(edgewise_\w+)", (DOCS / "metrics.md").read_text(encoding="utf-8")))
    used = {name for rule in group["rules"] for name in re.findall(r"\bedgewise_\w+", rule["expr"])}
    assert len(used) > 5
    assert used <= known
    explained = re.findall(r"^\| ([A-Z][\w, ]+) \| ", page[page.index("| alert |") :], re.MULTILINE)
    assert {name for cell in explained for name in cell.split(", ")} == {rule["alert"] for rule in group["rules"]}
