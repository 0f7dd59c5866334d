"""What the tests of pulling share: a small model, two references to it, and a pull in one call."""

import asyncio
import hashlib
from pathlib import Path

from agent.models import InstalledModel, ModelStore, Progress, SourceSettings, TransferSettings
from tests.fake_hub import FakeHub
from tests.tiny_model import tiny_model

QUICK = TransferSettings(connect_timeout=2, stall_timeout=1, patience=5, backoff=0.01, reserve=0)

MODEL = tiny_model()
OTHER = tiny_model(seed=1)
REPO, FILE, NAME = "acme/tiny-GGUF", "tiny-Q4_K_M.gguf", "tiny-q4_k_m"
HF = f"hf:{REPO}"
ONNX_REPO = "acme/Tiny-Instruct-ONNX"
ONNX_HF = f"hf:{ONNX_REPO}"
CPU = "cpu_and_mobile/cpu-int4-rtn-block-32"
GENAI_FILES = ["genai_config.json", "model.onnx", "model.onnx.data", "tokenizer.json", "tokenizer_config.json"]


def plain(hub: FakeHub) -> str:
    """Return the address of the model on the hub; nobody knows its hash."""
    return f"{hub.url}/plain/{FILE}"


def pull(
    store: ModelStore, reference: str, sources: SourceSettings, seen: list[Progress] | None = None
) -> InstalledModel:
    """Pull in an event loop of its own, and collect the progress reports in `seen`."""
    reports = seen if seen is not None else []
    return asyncio.run(store.pull(reference, sources, on_progress=reports.append))


def content(store: ModelStore, model: InstalledModel) -> bytes:
    """Return the bytes of an installed file, which must have the hash that is noted for it."""
    data = store.path(model).read_bytes()
    assert hashlib.sha256(data).hexdigest() == model.sha256
    return data


def leftovers(store: ModelStore) -> list[str]:
    """Return all files below the store but the locks."""
    return sorted(path.name for path in store.root.rglob("*") if path.is_file() and path.suffix != ".lock")


def ranges(hub: FakeHub) -> list[str | None]:
    """Return the range that each request for content asked for."""
    return [seen.range for seen in hub.content_requests()]


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the contents of all files below a folder by their names."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def installed_files(store: ModelStore, model: InstalledModel) -> dict[str, bytes]:
    """Return the contents of all files of an installed model by their names."""
    found = files_of(store.root / model.name)
    del found["model.json"]
    return found
