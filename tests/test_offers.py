"""What there is to choose from: the catalogue, and what is installed by whatever way it came."""

import asyncio
import hashlib
import logging
from pathlib import Path

import msgspec
import pytest

from agent.catalog import File, OnnxBuild, load_catalog
from agent.gguf import read_header
from agent.models import InstalledModel, ModelStore
from agent.models.installed import write_model
from agent.models.settings import SourceSettings
from agent.offers import guessed_quality, local, offers
from agent.selection import Offer
from tests.fake_hub import Fault, HubFile, running_hub
from tests.onnx_files import write_genai
from tests.selection.making import model, place
from tests.tiny_model import tiny_model

OFFLINE = SourceSettings(offline=True)
BYTES = tiny_model()
NAME = "tiny-Q8_0.gguf"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models")


def listed(*files: File, name: str = "tiny") -> list[Offer]:
    """An entry of the catalogue with these files, as offers without anything installed."""
    return offers([model(name, files=list(files))], ModelStore(Path("/nonexistent")))


def file(reference: str = f"hf:acme/tiny/{NAME}", **fields: object) -> File:
    return msgspec.convert({"reference": reference, "quantization": "Q8_0", "bytes": len(BYTES), **fields}, File)


def bring(store: ModelStore, folder: Path, name: str = NAME, content: bytes = BYTES) -> InstalledModel:
    """Install a file as from a USB stick."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return asyncio.run(store.pull(str(folder / name), OFFLINE))


def test_each_quantization_is_offered_once_from_its_best_source() -> None:
    found = listed(
        file("hf:first/a/x.gguf"), file("hf:second/b/x.gguf"), file("hf:first/a/y.gguf", quantization="Q4_0")
    )
    assert [offer.file.reference for offer in found] == ["hf:first/a/x.gguf", "hf:first/a/y.gguf"]


def test_a_file_that_was_trained_in_its_type_is_an_offer_of_its_own() -> None:
    assert len(listed(file("hf:a/a/x.gguf"), file("hf:a/a/qat.gguf", trained=True))) == 2


def test_a_model_without_files_is_there_to_be_explained() -> None:
    (offer,) = listed()
    assert offer.file.reference == ""


def test_every_model_of_the_catalogue_is_offered(store: ModelStore) -> None:
    catalog = load_catalog()
    found = offers(catalog, store)
    assert {offer.model.name for offer in found} == {entry.name for entry in catalog}
    assert not any(offer.installed for offer in found)


def test_an_empty_catalogue_offers_what_is_installed(store: ModelStore, tmp_path: Path) -> None:
    assert offers([], store) == []
    here = bring(store, tmp_path / "usb")
    (offer,) = offers([], store)
    assert (offer.installed, offer.model.name, offer.model.quality.estimated) == (here.name, here.name, True)
    assert offer.shape is not None


@pytest.mark.parametrize(
    "known",
    [
        file(),
        file(bytes=len(BYTES) + len(BYTES) // 50),
        file("hf:acme/tiny/other-name.gguf", sha256=hashlib.sha256(BYTES).hexdigest()),
        file("SOURCE"),
    ],
    ids=["name and size", "name and about the size", "hash", "reference"],
)
def test_what_came_on_a_usb_stick_is_recognised(store: ModelStore, tmp_path: Path, known: File) -> None:
    here = bring(store, tmp_path / "usb")
    known = msgspec.structs.replace(known, reference=known.reference.replace("SOURCE", here.source))
    (offer,) = offers([model("tiny", files=[known])], store)
    assert (offer.model.name, offer.installed) == ("tiny", here.name)


@pytest.mark.parametrize(
    "other", [file(bytes=2 * len(BYTES)), file(bytes=len(BYTES) + 1, exact=True), file("hf:a/b/tiny-Q4_0.gguf")]
)
def test_another_file_is_not_taken_for_it(store: ModelStore, tmp_path: Path, other: File) -> None:
    bring(store, tmp_path / "usb")
    catalogued, stranger = offers([model("tiny", files=[other])], store)
    assert not catalogued.installed
    assert stranger.model.quality.source == "guessed from its size"


def test_a_second_source_that_is_installed_comes_before_the_first(store: ModelStore, tmp_path: Path) -> None:
    """Nobody downloads the same quantization again from somewhere else."""
    bring(store, tmp_path / "usb")
    files = [file("hf:best/tiny/Tiny.Q8_0.gguf"), file()]
    (offer,) = offers([model("tiny", files=files)], store)
    assert (offer.file, offer.installed) == (files[1], "tiny-q8_0")


def test_the_starter_is_known_to_the_catalogue(store: ModelStore, starter: Path) -> None:
    place(store, starter, "it", "starter")
    (offer,) = (found for found in offers(load_catalog(), store) if found.installed)
    assert (offer.model.name, offer.file.reference) == ("smollm2-135m", "starter")


def stale(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> list[InstalledModel]:
    """Let the store list what it has now for ever, as in the moment before a file vanishes."""
    listing = store.installed()
    monkeypatch.setattr(ModelStore, "installed", lambda _: listing)
    return listing


@pytest.mark.parametrize("damage", ["removed", "emptied", "overwritten"])
def test_a_file_that_vanished_after_it_was_listed_is_left_out(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    caplog.set_level(logging.WARNING)
    path = store.path(bring(store, tmp_path / "usb"))
    stale(store, monkeypatch)
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "emptied" else b"GGUF" + b"\xff" * 100)
    assert offers([], store) == []
    assert path.name in caplog.text


def test_a_catalogued_file_that_vanished_has_the_published_shape(
    store: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.path(bring(store, tmp_path / "usb"))
    stale(store, monkeypatch)
    path.unlink()
    (offer,) = offers([model("tiny", files=[file()])], store)
    assert offer.shape is not None


def test_what_a_download_has_left_is_counted(store: ModelStore) -> None:
    reference = "hf:acme/tiny/tiny-Q8_0.gguf"
    with running_hub() as hub:
        hub.repos["acme/tiny"] = {NAME: HubFile(BYTES)}
        hub.always = Fault(trickle=0.05)
        sources = SourceSettings(hf_endpoint=hub.url)

        async def interrupted() -> None:
            task = asyncio.create_task(store.pull(reference, sources))
            while not any(part.bytes > 50_000 for part in store.unfinished()):  # noqa: ASYNC110 - files have no event
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait({task})

        asyncio.run(interrupted())
    (offer,) = offers([model("tiny", files=[file(reference)])], store)
    assert 50_000 < offer.arrived <= len(BYTES) + 1000
    assert not offer.installed


@pytest.mark.parametrize(
    ("parameters", "score"), [(0, 1), (10**6, 1), (500_000_000, 15), (8 * 10**9, 55), (10**15, 100)]
)
def test_the_guess_grows_with_the_size_and_stays_on_the_scale(parameters: int, score: float) -> None:
    assert guessed_quality(parameters) == pytest.approx(score)


def test_a_local_file_is_an_offer_under_its_name(starter: Path) -> None:
    offer = local("mine", starter, read_header(starter))
    assert (offer.installed, offer.file.reference, offer.file.bytes) == ("mine", str(starter), starter.stat().st_size)


def test_a_folder_is_offered_with_the_shape_of_its_graph(store: ModelStore, tmp_path: Path) -> None:
    here = asyncio.run(store.pull(str(write_genai(tmp_path / "usb" / "phi-9-mini")), OFFLINE))
    (offer,) = offers([], store)
    assert (offer.installed, offer.model.title, offer.file.quantization) == (here.name, "Phi 9 Mini", "fp32")
    assert (offer.file.bytes, offer.model.quality.estimated) == (here.bytes, True)
    assert offer.shape is not None
    assert (offer.shape.format, offer.shape.layers) == ("onnx", 1)


@pytest.mark.parametrize("build", ["hf:acme/Tiny-ONNX", "hf:acme/tiny-onnx/cpu@main"])
def test_a_folder_has_the_quality_of_the_model_it_was_built_from(store: ModelStore, tmp_path: Path, build: str) -> None:
    here = asyncio.run(store.pull(str(write_genai(tmp_path / "usb" / "tiny")), OFFLINE))
    write_model(store.root / here.name, msgspec.structs.replace(here, source="hf:acme/tiny-onnx"))
    entry = msgspec.structs.replace(model("tiny"), onnx=[OnnxBuild(build, "genai")])
    found = [offer for offer in offers([entry, model("other")], store) if offer.installed]
    assert [(offer.model, offer.file.reference) for offer in found] == [(entry, "hf:acme/tiny-onnx")]


def test_a_folder_that_cannot_be_read_any_more_is_left_out(store: ModelStore, tmp_path: Path) -> None:
    here = asyncio.run(store.pull(str(write_genai(tmp_path / "usb" / "tiny")), OFFLINE))
    path = store.path(here)
    path.write_bytes(bytes(path.stat().st_size))
    assert offers([], store) == []
