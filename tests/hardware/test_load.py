"""Whether the processor is busy with other things."""

from pathlib import Path

import pytest

from agent.hardware.load import busy
from agent.hardware.tree import Tree


def tree(root: Path, **files: str) -> Tree:
    for name, text in files.items():
        path = root / "proc" / name.replace("_", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(root)


@pytest.mark.parametrize(("waiting", "expected"), [("0.00", False), ("4.99", False), ("12.50", True)])
def test_pressure_tells_whether_somebody_waits_for_a_cpu(tmp_path: Path, waiting: str, expected: bool) -> None:  # noqa: FBT001
    text = f"some avg10={waiting} avg60=50.00 avg300=50.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    assert busy(tree(tmp_path, pressure_cpu=text, loadavg="9.00 9.00 9.00 1/1 1\n"), cores=2) is expected


@pytest.mark.parametrize(("load", "cores", "expected"), [("0.90", 2, False), ("1.10", 2, True), ("1.10", 4, False)])
def test_without_pressure_the_load_tells(tmp_path: Path, load: str, cores: int, expected: bool) -> None:  # noqa: FBT001
    assert busy(tree(tmp_path, loadavg=f"{load} 0.10 0.10 1/100 1\n"), cores) is expected


@pytest.mark.parametrize("text", ["", "some\n", "some avg10=x\n", "\0\0"])
def test_what_cannot_be_read_is_not_busy(tmp_path: Path, text: str) -> None:
    assert not busy(tree(tmp_path, pressure_cpu=text, loadavg=text), cores=1)
