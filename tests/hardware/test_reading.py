"""How fast files are read."""

from pathlib import Path

from agent.hardware.reading import read_rate


def test_a_file_has_a_plausible_rate(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"x" * (4 << 20))
    assert 1e6 < read_rate(path) < 1e12


def test_what_cannot_be_read_has_none(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert [read_rate(tmp_path / name) for name in ("absent", "empty", ".")] == [0.0, 0.0, 0.0]
