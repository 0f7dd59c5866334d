"""What every test may use, and the clean environment that every test gets."""

import os
from pathlib import Path

import pytest

WEB = Path(__file__).parent / "web"
STARTER = Path(__file__).parents[1] / ".venv" / "starter" / "SmolLM2-135M-Instruct.Q4_1.gguf"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the browsers, which take longest, so that at the end no worker is alone with them."""
    items.sort(key=lambda item: (WEB / "pages" not in item.path.parents, WEB not in item.path.parents))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees this machine's settings, and none leaves a file in the home directory."""
    for name in os.environ:
        if name.startswith(("EDGEWISE_", "HF_", "XDG_")) or name in {"PIP_INDEX_URL", "STATE_DIRECTORY"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def starter() -> Path:
    """The starter model file."""
    if not STARTER.is_file():
        pytest.fail(f"{STARTER} is missing; run `make setup-test`", pytrace=False)
    return STARTER
