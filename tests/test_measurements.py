"""What was learnt is kept, and a broken file is no reason not to start."""

import logging
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.measurements import Measurements
from agent.speed import Prediction
from tests.selection.making import measured

KEY = "model.gguf 1 2 · llama_cpp 1.0 · cpu · 4 threads"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "measurements.json"


def answer(to: Measurements, *, decode: float = 10.0, prefill: float = 100.0, tokens: int = 64) -> None:
    """Learn from an answer with these speeds."""
    to.add(KEY, prompt=tokens, prefill=tokens / prefill, answer=tokens, decode=tokens / decode)


def test_nothing_is_known_at_first(path: Path) -> None:
    fresh = Measurements(path)
    assert (fresh.rates("a"), fresh.speed(KEY)) == (None, None)
    assert not path.parent.exists()


def test_rates_outlive_a_restart_and_belong_to_their_key(path: Path) -> None:
    Measurements(path).keep_rates("this machine", measured())
    again = Measurements(path)
    assert again.rates("this machine") == measured()
    assert again.rates("another build") is None


def test_the_first_answer_is_known_after_a_restart(path: Path) -> None:
    answer(Measurements(path))
    assert Measurements(path).speed(KEY) == Prediction(prefill=100.0, decode=10.0)


def test_one_slow_answer_moves_the_average_by_a_fifth(path: Path) -> None:
    learnt = Measurements(path)
    answer(learnt, decode=10.0)
    answer(learnt, decode=5.0)
    speed = learnt.speed(KEY)
    assert speed is not None
    assert speed.decode == pytest.approx(9.0)


def test_short_prompts_teach_nothing_about_prompts_but_their_answers_do(path: Path) -> None:
    learnt = Measurements(path)
    learnt.add(KEY, prompt=10, prefill=1.0, answer=64, decode=6.4)
    assert learnt.speed(KEY) == Prediction(prefill=0.0, decode=10.0)


@pytest.mark.parametrize(("tokens", "seconds"), [(3, 1.0), (64, 0.0), (64, -1.0), (0, 0.0)])
def test_an_answer_that_says_nothing_is_not_learnt_from(path: Path, tokens: int, seconds: float) -> None:
    learnt = Measurements(path)
    learnt.add(KEY, prompt=tokens, prefill=seconds, answer=tokens, decode=seconds)
    assert learnt.speed(KEY) is None


def test_flash_memory_is_spared(path: Path) -> None:
    learnt = Measurements(path)
    writes = set()
    for _ in range(64):
        answer(learnt)
        writes.add(path.stat().st_ino)  # a file of its own each time
    assert len(writes) <= 7


def test_rates_of_an_older_version_are_measured_again_and_nothing_else_is_lost(path: Path) -> None:
    learnt = Measurements(path)
    learnt.keep_rates("this machine", measured())
    answer(learnt)
    document = msgspec.json.decode(path.read_bytes())
    del document["rates"]["this machine"]["rows"]
    path.write_bytes(msgspec.json.encode(document))
    again = Measurements(path)
    assert again.rates("this machine") is None
    assert again.speed(KEY) == Prediction(prefill=100.0, decode=10.0)


def test_the_latest_few_measurements_are_kept(path: Path) -> None:
    learnt = Measurements(path)
    for threads in range(1, 7):
        learnt.keep_rates(f"{threads} threads", measured())
    kept = [threads for threads in range(1, 7) if Measurements(path).rates(f"{threads} threads")]
    assert kept == [3, 4, 5, 6]


@given(content=st.binary(max_size=200))
def test_any_bytes_are_survived(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("state") / "measurements.json"
    path.write_bytes(content)
    learnt = Measurements(path)
    answer(learnt)
    assert Measurements(path).speed(KEY) == Prediction(prefill=100.0, decode=10.0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"runs": {"a": {"decode": -5, "prefill": 1, "count": 1}}}',
        b'{"runs": {"a": {"decode": 5, "prefill": 1, "count": -1}}}',
    ],
)
def test_a_broken_file_is_told_and_starts_anew(path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert Measurements(path).speed("a") is None
    assert "start anew" in caplog.text


def test_rates_of_zero_in_the_file_are_not_believed(path: Path) -> None:
    document = msgspec.to_builtins(measured()) | {"decode": {"Q4_K": 0}}
    path.parent.mkdir()
    path.write_bytes(msgspec.json.encode({"rates": {"here": document}}))
    assert Measurements(path).rates("here") is None


def test_a_full_disk_is_told_and_nothing_is_lost_from_memory(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.with_name(path.name + ".new").symlink_to("/dev/full")
    learnt = Measurements(path)
    learnt.keep_rates("here", measured())
    assert learnt.rates("here") == measured()
    assert "cannot be written" in caplog.text
    assert not path.exists()


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (tmp_path / "state").write_text("a file")
    learnt = Measurements(tmp_path / "state" / "measurements.json")
    answer(learnt)
    assert learnt.speed(KEY) is not None
    assert "cannot be written" in caplog.text


def test_a_year_of_models_and_builds_does_not_fill_the_file(path: Path) -> None:
    measurements = Measurements(path)
    for number in range(300):
        measurements.add(f"model {number}", prompt=0, prefill=0.0, answer=100, decode=10.0)
        measurements.add("used all the time", prompt=0, prefill=0.0, answer=100, decode=10.0)
    again = Measurements(path)
    assert again.speed("used all the time")
    assert again.speed("model 299")
    assert not again.speed("model 10")
    assert path.stat().st_size < 30_000
