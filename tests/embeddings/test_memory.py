"""What embeddings take is not there for the chat model."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from agent.config import Config, engine_environment
from agent.embeddings.memory import may_take
from agent.embeddings.service import Embeddings
from agent.measurements import Measurements
from agent.selection import Machine
from agent.survey import Surveyor
from tests.embeddings.conftest import host
from tests.embeddings.tiny_encoder import install

MIB = 1 << 20


def survey(config: Config) -> Machine:
    surveyor = Surveyor(config, Measurements(config.state_dir / "measurements.json"), {})
    return asyncio.run(surveyor.survey(ours=1 << 40, measure=False))


def test_nothing_is_kept_for_a_model_that_is_not_here(tmp_path: Path) -> None:
    machine = survey(Config(state_dir=tmp_path))
    assert {backend.budget.embeddings for backend in machine.backends} == {0}
    assert not any("embeddings" in note for note in machine.notes)


def test_what_embeddings_may_take_is_kept_for_them_and_told(tmp_path: Path) -> None:
    install(tmp_path)
    config = Config(state_dir=tmp_path)
    machine = survey(config)
    for backend in machine.backends:
        budget = backend.budget
        assert budget.embeddings == may_take(config) > 70 * MIB
        assert budget.usable == budget.available - budget.reserve - budget.embeddings
    assert any("embeddings = off" in note for note in machine.notes)


def test_embeddings_that_are_off_take_nothing(tmp_path: Path) -> None:
    install(tmp_path)
    assert may_take(msgspec.structs.replace(Config(state_dir=tmp_path), embeddings="off")) == 0


@pytest.mark.slow
def test_the_process_takes_no_more_of_its_own_than_is_kept(tmp_path: Path) -> None:
    install(tmp_path)

    async def scenario() -> None:
        device = host(tmp_path)
        embeddings = Embeddings(device, engine_environment())
        assert embeddings.memory() == 0
        await embeddings.embed(["the cat"] * 500, truncate=False)
        assert 0 < embeddings.memory() <= may_take(device.config)
        await embeddings.stop()
        assert embeddings.memory() == 0

    asyncio.run(scenario())
