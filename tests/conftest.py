"""What every test may use, and the clean environment that every test gets."""

import itertools
import os
import pickle
import signal
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from agent.models import transport
from agent.security import passwords

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's job in the background, and so all that tests start
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A time limit for each example would fail on a busy computer.
settings.register_profile("patient", deadline=None, max_examples=60)
settings.register_profile("fuzz", deadline=None)  # of `make fuzz`; see tests/fuzz/effort.py
settings.load_profile("patient")

WEB = Path(__file__).parent / "web"
VENV = Path(__file__).parents[1] / ".venv"
STARTER = VENV / "starter" / "SmolLM2-135M-Instruct.Q4_1.gguf"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the browsers, which take longest, so that at the end no worker is alone with them."""
    items.sort(key=lambda item: (WEB / "pages" not in item.path.parents, WEB not in item.path.parents))


@pytest.fixture(scope="session", autouse=True)
def parse_once() -> Iterator[None]:
    """Families, profiles and texts are read from the disk each time, but parsed once: each test would pay for it."""
    parse = tomllib.loads

    @cache
    def parsed(text: str) -> bytes:
        return pickle.dumps(parse(text))

    def loads(text: str) -> dict[str, Any]:
        content: dict[str, Any] = pickle.loads(parsed(text))  # noqa: S301 - from three lines above; who reads may change it
        return content

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tomllib, "loads", loads)
        yield


@pytest.fixture(scope="session", autouse=True)
def trust_once() -> Iterator[None]:
    """The authorities of this computer are read once, not for every download."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(transport, "authorities", cache(transport.authorities))
        yield


@pytest.fixture(scope="session", autouse=True)
def password_cost() -> Iterator[int]:
    """Hash passwords fast; `tests/security/test_passwords.py` hashes them at this cost, as they are meant."""
    meant = passwords._LOG_N
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_LOG_N", 4)
        yield meant


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """New directories; `mktemp` would look at all there are for each."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, homes: Iterator[Path]) -> None:
    """No test sees this machine's settings, and none leaves a file in the home directory."""
    for name in os.environ:
        if name.startswith(("EDGEWISE_", "HF_", "XDG_")) or name in {"PIP_INDEX_URL", "STATE_DIRECTORY"}:
            monkeypatch.delenv(name)
    home = next(homes)
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture(scope="session")
def starter() -> Path:
    """The starter model file."""
    if not STARTER.is_file():
        pytest.fail(f"{STARTER} is missing; run `make setup-test`", pytrace=False)
    return STARTER


@pytest.fixture(scope="session")
def twin() -> Path:
    """The starter model as a folder with an ONNX model, int4, in the layout of onnxruntime-genai; not to be changed."""
    return _folder(VENV / "twin")


@pytest.fixture(scope="session")
def onnx_zoo() -> Path:
    """Tiny models, a folder each: scripts/zoo.py says which; not to be changed."""
    return _folder(VENV / "onnx-zoo")


def _folder(path: Path) -> Path:
    if not path.is_dir():
        pytest.fail(f"{path} is missing; run `make setup-test`", pytrace=False)
    return path
