"""The list of models that an engine build cannot run."""

import os
from pathlib import Path

import pytest

from agent.inference.set_aside import SetAside, identify
from tests.onnx_files import write_genai, write_transformers_js


def test_a_verdict_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "below" / "list.json"
    SetAside(path).add("a.gguf 1 2", "build 1", "it crashed", aside=True)
    SetAside(path).add("b.gguf 1 2", "build 1", "it needs care", aside=False)
    known = SetAside(path)
    verdict = known.verdict("a.gguf 1 2", "build 1")
    assert verdict is not None
    assert (verdict.reason, verdict.aside) == ("it crashed", True)
    assert known.verdict("a.gguf 1 2", "build 2") is None
    assert [verdict.model for verdict in known.all()] == ["a.gguf 1 2", "b.gguf 1 2"]
    assert [file.name for file in path.parent.iterdir()] == ["list.json"]


def test_a_later_verdict_replaces_an_earlier_one(tmp_path: Path) -> None:
    known = SetAside(tmp_path / "list.json")
    known.add("a", "1", "first", aside=False)
    known.add("a", "1", "second", aside=True)
    assert [verdict.reason for verdict in known.all()] == ["second"]


def test_a_model_can_be_given_another_chance(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    known = SetAside(path)
    for build in ("1", "2"):
        known.add("a", build, "it crashed", aside=True)
    known.add("b", "1", "it crashed", aside=True)
    assert known.clear("a")
    assert not known.clear("a")
    assert [verdict.model for verdict in SetAside(path).all()] == ["b"]


def test_a_list_that_is_not_one_is_reported_and_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "list.json"
    path.write_text('[{"model": 1}]')
    assert SetAside(path).all() == []
    assert "list.json" in caplog.text


def test_a_file_is_another_when_its_size_or_time_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_text("one")
    first = identify(path)
    assert identify(path) == first
    os.utime(path, ns=(1, 1))
    second = identify(path)
    path.write_text("three")
    os.utime(path, ns=(1, 1))
    assert len({first, second, identify(path), identify(None)}) == 4


@pytest.mark.parametrize("given", ["model.onnx", ""], ids=["graph", "folder"])
def test_a_model_of_many_files_is_another_when_one_of_them_is_repaired(tmp_path: Path, given: str) -> None:
    folder = write_genai(tmp_path / "model")
    first = identify(folder / given)
    assert identify(folder / given) == first
    data = folder / "model.onnx.data"
    data.write_bytes(data.read_bytes()[::-1])
    os.utime(data, ns=(1, 1))
    second = identify(folder / given)
    (folder / "tokenizer.json").unlink()
    assert len({first, second, identify(folder / given)}) == 3


def test_what_is_written_about_a_model_does_not_make_it_another(tmp_path: Path) -> None:
    graph = write_genai(tmp_path / "model") / "model.onnx"
    first = identify(graph)
    (tmp_path / "model" / "model.json").write_text("{}")
    (tmp_path / "model" / ".something").write_text("")
    (tmp_path / "other.onnx").write_text("")
    assert identify(graph) == first


@pytest.mark.parametrize("changed", ["onnx/model_q4.onnx_data", "tokenizer.json"])
def test_of_a_model_in_the_layout_of_transformers_js_both_folders_count(tmp_path: Path, changed: str) -> None:
    folder = write_transformers_js(tmp_path / "model")
    paths = [folder, folder / "onnx" / "model_q4.onnx"]
    first = [identify(path) for path in paths]
    os.utime(folder / changed, ns=(1, 1))
    assert all(before != identify(path) for before, path in zip(first, paths, strict=True))


def test_a_graph_that_is_gone_is_known_by_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FileNotFoundError):
        identify(tmp_path / "model.onnx")


def test_a_year_of_models_and_builds_does_not_fill_the_file(tmp_path: Path) -> None:
    path = tmp_path / "set-aside.json"
    known = SetAside(path)
    for number in range(210):
        known.add(f"model {number}", "build", "it crashed", aside=True)
    assert [verdict.model for verdict in SetAside(path).all()] == [f"model {number}" for number in range(10, 210)]
