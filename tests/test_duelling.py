"""A duel between real engines: in turns, with both loaded or one at a time."""

import asyncio
from pathlib import Path

import pytest

from agent.config import engine_environment
from agent.duelling import Arena, Work, work_for
from agent.duels import Duel
from agent.errors import EngineUnavailableError
from agent.inference.candidate import Candidate
from agent.inference.set_aside import SetAside
from agent.plan import Plan
from agent.speed import Prediction
from agent.survey import build
from tests.selecting import small_model

PLAN = Plan(context=256, parallel=2, threads=1, micro_batch=64)


def candidate(path: Path, engine: str) -> Candidate:
    return Candidate(path.name, path, engine, build(engine), PLAN)


def run(tmp_path: Path, first: Candidate, second: Candidate, *, both: bool) -> tuple[Duel, list[int]]:
    told: list[int] = []
    arena = Arena(engine_environment(), SetAside(tmp_path / "set-aside.json"), both, told.append)
    return asyncio.run(arena.duel(first, second, Work(prompt=16, answer=4, streams=2), rounds=2)), told


@pytest.mark.parametrize("both", [True, False])
def test_both_engines_are_measured_in_every_round(tmp_path: Path, onnx_zoo: Path, *, both: bool) -> None:
    first = candidate(small_model(tmp_path / "small.gguf"), "llama_cpp")
    second = candidate(onnx_zoo / "qwen3", "onnx")
    duel, told = run(tmp_path, first, second, both=both)
    assert [duel.first.engine, duel.second.engine] == ["llama_cpp", "onnx"]
    assert min(duel.first.prefill, duel.first.decode, duel.first.together) > 0
    assert min(duel.second.prefill, duel.second.decode, duel.second.together) > 0
    assert duel.low <= duel.ratio <= duel.high
    assert (duel.rounds, duel.threads, duel.parallel) == (2, 1, 2)
    assert told == ([0, 1, 2] if both else [1, 2])


def test_a_side_that_does_not_run_ends_the_duel_with_its_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(100))
    fine = candidate(small_model(tmp_path / "small.gguf"), "llama_cpp")
    with pytest.raises(EngineUnavailableError, match=r"broken\.gguf"):
        run(tmp_path, fine, candidate(broken, "llama_cpp"), both=True)


def test_slow_machines_get_less_work_and_never_none() -> None:
    fast, slow = Prediction(2000.0, 300.0), Prediction(4.0, 1.0)
    assert work_for(fast, fast, 4, 4096) == Work(256, 64, 4)
    assert work_for(fast, slow, 4, 4096) == Work(32, 16, 4)
    assert work_for(Prediction(50.0, 20.0), fast, 1, 4096) == Work(100, 40, 1)


def test_questions_and_answers_fit_into_the_context() -> None:
    fast = Prediction(2000.0, 300.0)
    for context in (8, 64, 256, 512):
        work = work_for(fast, fast, 4, context)
        assert work.prompt + work.answer <= context
        assert work.short <= work.prompt
