"""In which order installed models are tried, which of them are on trial, and what the settings forbid."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from agent import pinned
from agent.chooser import Chooser
from agent.config import Config
from agent.inference.frames import Timings
from agent.models.starter import NAME as STARTER
from agent.node import Node
from agent.selection import Considered, Selection
from agent.selection.outcome import Verdict
from tests.selecting import MODEST, know_speed, small_model
from tests.stewarding import install

NAMES = ("alpha", "beta", "gamma", STARTER)


@dataclass(frozen=True)
class Device:
    """A device with four models, and what was found about them."""

    chooser: Chooser
    selection: Selection

    def judged(self, **verdicts: Verdict) -> Selection:
        """Return a selection in which these models, in this order, have these verdicts; others are not here."""
        every = {entry.installed: entry for entry in (self.selection, *self.selection.rejected)}
        known = {
            field: value for field, value in asdict(self.selection).items() if field in Considered.__struct_fields__
        }
        every[self.selection.installed] = Considered(**known)
        names = [STARTER if name == "starter" else name for name in verdicts]
        entries = [
            replace(every[name], verdict=verdict) for name, verdict in zip(names, verdicts.values(), strict=True)
        ]
        first: dict[str, Any] = (
            asdict(entries[0]) if entries[0].verdict == "chosen" else {"installed": "", "file": "else"}
        )
        rest = entries[1:] if entries[0].verdict == "chosen" else entries
        return replace(self.selection, **first, rejected=rest)

    def tried(self, selection: Selection) -> list[str]:
        """Return the names in the order in which they are tried, with a mark on those that are on trial."""
        candidates = self.chooser.candidates(selection)
        return [f"{candidate.name}?" if candidate.expect else candidate.name for candidate in candidates]


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    home = tmp_path_factory.mktemp("device")
    config = Config(state_dir=home / "state", offline=True, threads=1, context=256)

    async def prepare() -> Device:
        await know_speed(config, MODEST)
        for name in NAMES:
            await install(config, small_model(home / f"{name}.gguf"), name)
        chooser = Node(config, {})._chooser
        return Device(chooser, await chooser.choose(remember=False))

    return asyncio.run(prepare())


@pytest.fixture(autouse=True)
def nothing_wanted(device: Device) -> None:
    pinned.write(device.chooser.config.state_dir, "")


def test_the_choice_comes_first_and_the_starter_last(device: Device) -> None:
    selection = device.judged(alpha="chosen", starter="possible", beta="possible", gamma="slow")
    assert device.tried(selection) == ["alpha?", "beta?", "gamma?", STARTER]


def test_without_the_choice_the_best_that_is_here_serves(device: Device) -> None:
    selection = device.judged(starter="possible", beta="possible", gamma="slow")
    assert device.tried(selection) == ["beta?", "gamma?", STARTER]


def test_the_starter_comes_first_where_it_is_the_choice(device: Device) -> None:
    selection = device.judged(starter="chosen", alpha="slow", beta="large")
    assert device.tried(selection) == [f"{STARTER}?", "alpha", "beta"]


def test_what_does_not_fit_or_is_unsuitable_is_tried_when_all_else_fails(device: Device) -> None:
    selection = device.judged(alpha="unsuitable", beta="large", starter="possible")
    assert device.tried(selection) == [STARTER, "beta", "alpha"]
    assert device.tried(device.judged(alpha="unsuitable")) == ["alpha"]


def test_what_the_user_wants_comes_before_everything_and_is_not_on_trial(device: Device) -> None:
    pinned.write(device.chooser.config.state_dir, "gamma")
    verdicts: tuple[Verdict, ...] = ("possible", "slow", "large", "unsuitable")
    for verdict in verdicts:
        selection = device.judged(alpha="chosen", beta="possible", gamma=verdict)
        assert device.tried(selection) == ["gamma", "alpha?", "beta"]


def test_the_last_that_may_work_is_not_on_trial(device: Device) -> None:
    assert device.tried(device.judged(alpha="chosen")) == ["alpha"]
    assert device.tried(device.judged(alpha="chosen", beta="unsuitable")) == ["alpha", "beta"]


def test_what_was_measured_in_real_use_is_not_on_trial(device: Device) -> None:
    selection = device.judged(alpha="chosen", beta="possible")
    assert device.tried(replace(selection, measured=True)) == ["alpha", "beta"]


def test_the_wish_for_a_model_that_was_removed_is_void(device: Device) -> None:
    pinned.write(device.chooser.config.state_dir, "delta")
    assert device.chooser.wanted() == ""
    assert device.tried(device.judged(alpha="chosen", beta="possible")) == ["alpha?", "beta"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"offline": True}, "`offline`"), ({"fetch_models": False}, "`fetch_models`"), ({}, "")],
    ids=["offline", "not asked to", "free"],
)
def test_says_which_setting_forbids_to_fetch_the_choice(
    device: Device, tmp_path: Path, settings: dict[str, bool], words: str
) -> None:
    chooser = Node(Config(state_dir=tmp_path, **settings), {})._chooser  # type: ignore[arg-type]
    absent, present = device.judged(beta="possible"), device.judged(alpha="chosen")
    forbidden = chooser.forbidden(absent)
    assert (words in forbidden.message) if forbidden else not words
    assert chooser.may_fetch(absent) is not bool(words)
    assert chooser.forbidden(present) is None
    assert not chooser.may_fetch(present)


def test_nothing_is_fetched_against_the_users_wish(device: Device) -> None:
    pinned.write(device.chooser.config.state_dir, "alpha")
    free = Node(replace(device.chooser.config, offline=False), {})._chooser
    assert not free.may_fetch(device.judged(beta="possible"))
    assert free.forbidden(device.judged(beta="possible")) is None


def test_learning_from_a_model_that_was_removed_meanwhile_does_no_harm(device: Device) -> None:
    (candidate,) = device.chooser.candidates(device.judged(alpha="chosen"))
    gone = type(candidate)(**{**vars(candidate), "path": Path("/nonexistent.gguf")})
    device.chooser.learn(gone, Timings(prompt=100, cached=0, completion=50, queued=0, prefill=1.0, decode=1.0))


def test_a_configured_file_that_vanishes_is_no_longer_wanted(tmp_path: Path) -> None:
    path = small_model(tmp_path / "mine.gguf")
    chooser = Node(Config(state_dir=tmp_path / "state", offline=True, model=str(path)), {})._chooser
    assert chooser.wanted() == "mine"
    path.unlink()
    assert chooser.wanted() == ""
