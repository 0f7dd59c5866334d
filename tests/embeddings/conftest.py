"""A small encoder, and a node that has it."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from agent.config import Config
from agent.downloads import Downloads
from agent.models import ModelStore
from tests.embeddings.tiny_encoder import write_encoder


@dataclass
class Host:
    """What embeddings want of a node."""

    config: Config
    models: ModelStore
    downloads: Downloads
    plan: None = None


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the model."""
    return write_encoder(tmp_path_factory.mktemp("tiny") / "model")


def host(state: Path, **settings: object) -> Host:
    """Return a node without a network, unless the settings say otherwise."""
    config = msgspec.structs.replace(Config(state_dir=state, offline=True), **settings)
    models = ModelStore(config.models_dir)
    return Host(config, models, Downloads(models, config.sources))
