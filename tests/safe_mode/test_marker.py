"""The record of lives on disks as they are in the field."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.safe_mode import marker
from agent.safe_mode.lives import Crash, Lives

LIVES = Lives(level=1, unclean=2, running=True, boot="a", begun=1.5, crashes=(Crash("killed", "", 1.0, "1"),))
MEBIBYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place],  # noqa: S607 - where every system has it
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)  # noqa: S607 - likewise


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lives.json"
    path.parent.mkdir()
    assert marker.write(path, LIVES)
    assert marker.read(path) == LIVES


def test_a_full_disk_takes_it_where_the_last_one_was(small_disk: Path) -> None:
    path = small_disk / "lives.json"
    assert marker.write(path, Lives())
    with pytest.raises(OSError, match="No space"):
        (small_disk / "fill").write_bytes(b"x" * 2 * MEBIBYTE)
    assert marker.write(path, LIVES)
    assert marker.read(path) == LIVES
    assert [found.name for found in small_disk.iterdir() if found.name != "fill"] == [path.name]


def test_a_full_disk_without_one_does_no_harm(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        (small_disk / "fill").write_bytes(b"x" * 2 * MEBIBYTE)
    assert not marker.write(small_disk / "lives.json", LIVES)
    assert marker.read(small_disk / "lives.json") == Lives()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"level": 9}',
        b'{"patience": 1e18}',
        b'{"calm": -1}',
        b'{"begun": 1e300}',
        b"\0" * 4096,
    ],
)
def test_what_cannot_be_understood_is_a_new_beginning(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lives.json"
    path.write_bytes(content)
    assert marker.read(path) == Lives()


def test_long_stories_are_shortened_from_their_beginning(tmp_path: Path) -> None:
    path = tmp_path / "lives.json"
    crashes = tuple(Crash("exception", f"{number}" * 1500, 0.0, "1") for number in range(5))
    assert marker.write(path, Lives(crashes=crashes))
    assert marker.read(path).crashes == crashes[-2:]
