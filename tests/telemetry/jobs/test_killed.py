"""A whole daemon that is killed with `kill -9` in any state of a job: it ends as it should, and the hub is told so."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_hub import Fault
from tests.telemetry.jobs.whole import ENDS, Whole, kill, update, whole

LONG: dict[str, object] = {"health": {"prompts": [{"ask": "Say a lot."}] * 32}}
IMPOSSIBLE: dict[str, object] = {"health": {"min_tok_s": 1e9}}
RUNS = 12
CHANCE = random.Random(11)  # noqa: S311 - no secret


@pytest.fixture
def device(template: Path, tmp_path: Path) -> Iterator[Whole]:
    with whole(template, tmp_path) as found:
        yield found


def test_a_device_that_is_killed_while_another_model_takes_over_is_back_on_the_old_one_and_says_so(
    device: Whole,
) -> None:
    with device.running() as running:
        device.send(update(device.models) | LONG)
        device.reaches("swap")
        kill(running)
    with device.running() as running:
        end = device.ended(running, "rolled_back")
        assert end.msg == "The trial of new was interrupted by a restart of the device."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "end"),
    [
        ("download", "successful"),
        ("verify", "successful"),
        ("stage", "successful"),
        ("swap", "rolled_back"),
        ("health", "rolled_back"),
        ("commit", "successful"),
        ("successful", "successful"),
    ],
)
def test_an_update_that_is_killed_in_a_state_is_gone_on_with_or_taken_back(device: Whole, state: str, end: str) -> None:
    device.dies_in(state, update(device.models))
    with device.running() as running:
        device.ended(running, end)
    with device.running() as running:
        device.ended(running, end)


@pytest.mark.slow
@pytest.mark.parametrize("state", ["rollback", "rolled_back"])
def test_a_rollback_that_is_killed_is_completed(device: Whole, state: str) -> None:
    device.dies_in(state, update(device.models) | IMPOSSIBLE)
    with device.running() as running:
        device.ended(running, "rolled_back")


@pytest.mark.slow
def test_a_download_that_is_killed_again_and_again_goes_on_where_it_was(device: Whole) -> None:
    device.models.always = Fault(trickle=0.02)
    for number in range(3):
        with device.running() as running:
            if number == 0:
                device.send(update(device.models))
            arrived = part(device)
            while part(device) < arrived + 300_000:
                time.sleep(0.01)
            kill(running)
    device.models.always = Fault()
    with device.running() as running:
        device.ended(running, "successful")
    first, *later = device.models.content_requests()
    assert first.range is None
    assert len(later) == 3
    assert all(seen.range for seen in later)


def part(device: Whole) -> int:
    """Return how much of the new model has arrived."""
    return sum(file.stat().st_size for file in (device.state / "models").glob("*/*.part"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_update_that_is_killed_at_any_moments_ends_one_way_or_the_other(template: Path, tmp_path: Path) -> None:
    seen = Counter[str]()
    for number in range(RUNS):
        with whole(template, tmp_path / f"run-{number}") as device:
            device.models.always = Fault(trickle=0.002)
            device.send(update(device.models, health={"prompts": [{"ask": "Say a lot."}] * 4}))
            for _ in range(3):
                with device.running(ready=False):
                    time.sleep(CHANCE.uniform(0.5, 4.0))
                seen[device.told()[-1].state if device.told() else ""] += 1
            with device.running() as running:
                end = device.reaches(*ENDS)
                assert end.state in {"successful", "rolled_back"}, end.msg
                device.ended(running, end.state)
    assert len(seen) > 3, f"the kills came at different moments: {seen}"
