"""A model of several files is fetched file by file, and goes on where it stopped."""

import asyncio
from pathlib import Path

import pytest

from agent.errors import DownloadError, ModelError, ModelFileError, ModelNotFoundError
from agent.models import ModelStore, Progress, SourceSettings, TransferControl
from tests.fake_hub import FakeHub, Fault, HubFile
from tests.models.pulling import CPU, GENAI_FILES, ONNX_HF, files_of, installed_files, leftovers, pull


def test_nothing_counts_before_all_is_there(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, onnx_repo: dict[str, HubFile]
) -> None:
    assert onnx_repo
    hub.script = [Fault()] * 4 + [Fault(status=404)]
    with pytest.raises(ModelNotFoundError):
        pull(store, ONNX_HF, sources)
    assert store.installed() == []
    (rest,) = store.unfinished()
    assert (rest.source, rest.total) == (ONNX_HF, sum(onnx_repo[f"{CPU}/{name}"].size for name in GENAI_FILES))


def test_a_pull_goes_on_file_by_file(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, onnx_repo: dict[str, HubFile], genai: Path
) -> None:
    assert onnx_repo
    hub.script = [Fault()] * 4 + [Fault(status=404)]
    with pytest.raises(ModelNotFoundError):
        pull(store, ONNX_HF, sources)
    asked = len(hub.content_requests())
    model = pull(store, ONNX_HF, sources)
    assert len(hub.content_requests()) == asked + 1
    assert installed_files(store, model) == files_of(genai)
    assert store.unfinished() == []


def test_a_file_that_was_cut_goes_on_where_it_stopped(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, onnx_repo: dict[str, HubFile]
) -> None:
    assert onnx_repo
    hub.script = [Fault()] * 4 + [Fault(cut_after=100)]
    pull(store, ONNX_HF, sources)
    assert hub.content_requests()[-1].range == "bytes=100-"


def test_a_file_with_wrong_content_is_not_installed(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, onnx_repo: dict[str, HubFile]
) -> None:
    assert onnx_repo
    hub.script = [Fault()] * 4 + [Fault(corrupt=True)]
    with pytest.raises(DownloadError, match="wrong content"):
        pull(store, ONNX_HF, sources)
    assert store.installed() == []


def test_a_folder_that_turns_out_unsound_leaves_nothing(
    store: ModelStore, sources: SourceSettings, onnx_repo: dict[str, HubFile]
) -> None:
    onnx_repo[f"{CPU}/model.onnx"] = HubFile(b"nonsense")
    with pytest.raises(ModelFileError):
        pull(store, ONNX_HF, sources)
    assert leftovers(store) == []


def test_progress_is_that_of_all_files_together(
    store: ModelStore, sources: SourceSettings, onnx_repo: dict[str, HubFile]
) -> None:
    assert onnx_repo
    seen: list[Progress] = []
    model = pull(store, ONNX_HF, sources, seen)
    loading = [look for look in seen if look.state == "downloading"]
    assert {look.total for look in loading} == {model.bytes}
    assert [look.done for look in loading] == sorted(look.done for look in loading)
    assert (seen[-1].state, seen[-1].done) == ("done", model.bytes)


def test_a_pull_that_is_cancelled_leaves_nothing(
    store: ModelStore, sources: SourceSettings, hub: FakeHub, onnx_repo: dict[str, HubFile]
) -> None:
    assert onnx_repo
    hub.always = Fault(trickle=0.2)
    control = TransferControl()

    def stop(progress: Progress) -> None:
        if progress.state == "downloading" and progress.done:
            control.cancel()

    with pytest.raises(ModelError):
        asyncio.run(store.pull(ONNX_HF, sources, on_progress=stop, control=control))
    assert leftovers(store) == []
