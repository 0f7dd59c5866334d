"""What a candidate must keep to, and when two are the same."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agent.inference.candidate import Expectation
from tests.inference.supervising import candidate

MIB = 1 << 20
EXPECT = Expectation(decode=5.0, predicted=10.0, memory=100 * MIB)


@pytest.mark.parametrize(("decode", "memory"), [(5.0, 100 * MIB), (50.0, 0)])
def test_half_of_the_speed_within_the_budget_is_good_enough(decode: float, memory: int) -> None:
    assert EXPECT.missed(decode, memory) == ""


def test_what_was_missed_is_said_with_both_numbers() -> None:
    assert EXPECT.missed(4.9, 0) == "gave 4.9 tokens per second in its trial run, of 10.0 predicted."
    assert EXPECT.missed(9.0, 101 * MIB) == "took 101.0 MiB of memory in its trial run, of 100.0 MiB allowed."


def test_how_much_memory_was_free_makes_no_other_candidate() -> None:
    one = candidate(Path("a.gguf"))
    assert one.same(replace(one, plan=msgspec.structs.replace(one.plan, context=128, micro_batch=32)))
    assert one.same(replace(one, expect=EXPECT, name="another name"))


def test_another_file_engine_or_processor_makes_another_candidate() -> None:
    one = candidate(Path("a.gguf"))
    assert not one.same(candidate(Path("b.gguf")))
    assert not one.same(replace(one, engine="llama_cpp"))
    assert not one.same(replace(one, plan=msgspec.structs.replace(one.plan, provider="cuda")))
