"""Disks as they are used."""

import os
from pathlib import Path

import pytest

from agent.hardware.disk import free, worn, written
from agent.hardware.tree import Tree
from tests.hardware.planting import tree

EMMC, SD = "sys/block/mmcblk0/device", "sys/block/mmcblk1/device"


def test_what_this_process_writes_is_counted(tmp_path: Path) -> None:
    before = written(Tree(Path("/")), "self")
    with (tmp_path / "file").open("wb") as file:
        file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
    after = written(Tree(Path("/")), os.getpid())
    assert before is not None
    assert after is not None
    assert after - before >= 1 << 20


def test_a_process_that_is_not_there_has_written_nothing_known(tmp_path: Path) -> None:
    assert written(tree(tmp_path, {}), 1) is None


def test_the_room_is_that_of_the_file_system(tmp_path: Path) -> None:
    room = free(tmp_path)
    assert room is not None
    assert 0 < room < 1 << 60
    assert free(tmp_path / "missing") is None


@pytest.mark.parametrize(
    ("text", "share"),
    [("0x01 0x03\n", 0.3), ("0x0b 0x01\n", 1.0), ("0x00 0x02\n", 0.2), ("0x00 0x00\n", None), ("broken\n", None)],
)
def test_wear_is_that_of_the_worse_kind_of_cells(tmp_path: Path, text: str, share: float | None) -> None:
    assert worn(tree(tmp_path, {f"{EMMC}/life_time": text})) == pytest.approx(share)


def test_a_card_tells_nothing_about_its_wear(tmp_path: Path) -> None:
    assert worn(tree(tmp_path, {f"{SD}/type": "SD\n"})) is None
