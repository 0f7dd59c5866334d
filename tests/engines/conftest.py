"""Engines, each loaded once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import engines
from agent.engines import LoadOptions
from agent.plan import Plan
from tests.engines.driving import Loaded

PARALLEL = 4
CONTEXT = 256
LONGER_THAN_A_STEP = 1024  # the echo engine prefills 512 tokens at once


@pytest.fixture(scope="session")
def llama_cpp(starter: Path) -> Iterator[Loaded]:
    """The llama.cpp engine with the starter model."""
    yield from _loaded("llama_cpp", starter, CONTEXT)


@pytest.fixture(scope="session")
def onnx(twin: Path) -> Iterator[Loaded]:
    """The ONNX engine with the twin of the starter model."""
    yield from _loaded("onnx", twin, CONTEXT)


@pytest.fixture(scope="session")
def genai(twin: Path) -> Iterator[Loaded]:
    """The engine genai with the same twin."""
    yield from _loaded("genai", twin, CONTEXT)


@pytest.fixture(scope="session")
def echo() -> Iterator[Loaded]:
    """The echo engine."""
    yield from _loaded("echo", None, LONGER_THAN_A_STEP)


@pytest.fixture(params=["echo", "llama_cpp", "onnx", "genai"])
def loaded(request: pytest.FixtureRequest) -> Loaded:
    """Every engine in turn."""
    engine = request.getfixturevalue(request.param)
    assert isinstance(engine, Loaded)
    return engine


def _loaded(name: str, path: Path | None, context: int) -> Iterator[Loaded]:
    engine = engines.create(name)
    # Several threads wait for each other, which takes very long while something else computes.
    options = LoadOptions(path, Plan(context, PARALLEL, threads=1, micro_batch=128), extra_buffers=True)
    info = engine.load(options, lambda _fraction: None)
    yield Loaded(engine, info)
    engine.close()
