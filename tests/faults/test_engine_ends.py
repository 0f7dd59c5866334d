"""The engine ends, or hangs, while four people are answered: each is told, and the next is answered soon."""

import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.device import END, SLOW, STORY, Device, Wounded, device
from tests.faults.groups import memory_group
from tests.faults.table import Table

_STARVED = 64 << 10  # bytes: what an engine that computes has touched again at once
TIMEOUT = 3.0  # seconds: the setting `step_timeout`
ENGINES = ("echo", "llama_cpp", "onnx")
ENDS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL, signal.SIGSTOP)


def flags(engine: str, starter: Path, twin: Path) -> Sequence[str]:
    """Return what a daemon is told to run a small model with an engine, four streams at a time."""
    models = {"llama_cpp": ("--model", str(starter)), "onnx": ("--model", str(twin)), "echo": ()}
    common = ("--engine", engine, "--context", "1024", "--parallel", "4", "--step-timeout", str(TIMEOUT))
    return (*common, *models[engine])


def streams(device_: Device, engine: str) -> Wounded:
    """Begin four long answers."""
    if engine == "echo":
        return device_.wounded(SLOW)
    return device_.wounded(STORY, max_tokens=800, logit_bias={END: -100})


def survives(device_: Device, engine: str, wound: Callable[[int], object], patience: float) -> float:
    """Wound the engine while it answers, and hold the device to its promises; returns the seconds to the next answer.

    Args:
        device_: whose engine it is.
        engine: its name.
        wound: what is done to its process.
        patience: seconds until a client must know.
    """
    with streams(device_, engine) as clients:
        pid = device_.engine()
        began = time.monotonic()
        wound(pid)
        device_.answers(30)
        recovered = time.monotonic() - began
        replies = clients.told(60)
    for reply in replies:
        assert reply.clear, reply
        assert reply.whole or "engine process" in reply.error, reply.error
        assert reply.whole or reply.told - began < patience
    assert device_.engine() != pid
    assert device_.daemon.health()["restarts"] == 1
    assert "Traceback" not in device_.log()
    return recovered


def kill(number: signal.Signals) -> Callable[[int], None]:
    return lambda pid: os.kill(pid, number)


def test_four_people_are_told_when_the_engine_is_killed_and_the_next_is_answered(
    state: Path, starter: Path, twin: Path, table: Table
) -> None:
    with device(state, *flags("llama_cpp", starter, twin)) as device_:
        seconds = survives(device_, "llama_cpp", kill(signal.SIGKILL), 2)
    assert seconds < 10
    table.add("engine ended by SIGKILL, four streams (llama_cpp)", seconds, lost="the answers in progress")


@pytest.mark.chaos
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)
def test_whatever_ends_the_engine_everybody_is_told(  # noqa: PLR0913 - fixtures
    *, engine: str, number: signal.Signals, state: Path, starter: Path, twin: Path, table: Table
) -> None:
    hangs = number == signal.SIGSTOP
    with device(state, *flags(engine, starter, twin)) as device_:
        seconds = survives(device_, engine, kill(number), 2 * TIMEOUT if hangs else 2)
    assert seconds < (2 * TIMEOUT if hangs else 0) + 10
    how = f"hangs (SIGSTOP, step_timeout {TIMEOUT:g} s)" if hangs else f"ended by {number.name}"
    table.add(f"engine {how}, four streams ({engine})", seconds, lost="the answers in progress")


@pytest.mark.chaos
@pytest.mark.parametrize("engine", ["llama_cpp", "onnx"])
def test_an_engine_that_the_kernel_ends_for_lack_of_memory_comes_back(
    engine: str, state: Path, starter: Path, twin: Path, table: Table
) -> None:
    with memory_group(_STARVED) as group, device(state, *flags(engine, starter, twin)) as device_:
        seconds = survives(device_, engine, group.take, 10)
        assert group.kills() == 1
    assert seconds < 20
    table.add(f"engine out of memory, by a control group ({engine})", seconds, lost="the answers in progress")


@pytest.mark.chaos
def test_a_model_whose_engine_was_killed_while_it_loaded_is_tried_again_unasked(
    state: Path, starter: Path, twin: Path, table: Table
) -> None:
    with device(state, *flags("llama_cpp", starter, twin), ready=False) as device_:
        while device_.daemon.health()["status"] != "failed":
            for pid in device_.engines():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)  # as the kernel does for lack of memory
        began = time.monotonic()
        device_.answers(60)
        table.add("engine killed while it loads, nothing else to run", time.monotonic() - began)


@pytest.mark.chaos
def test_an_engine_that_gets_no_more_memory_comes_back(state: Path, starter: Path, twin: Path, table: Table) -> None:
    def starve(pid: int) -> None:
        taken = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.prlimit(pid, resource.RLIMIT_AS, (taken, resource.RLIM_INFINITY))

    with device(state, *flags("llama_cpp", starter, twin)) as device_:
        with device_.wounded(STORY, max_tokens=100) as clients:
            began = time.monotonic()
            starve(device_.engine())
            assert all(reply.clear for reply in clients.told(60))
        asked = device_.daemon.ask("word " * 900, max_tokens=8)
        assert asked.is_success or "engine process" in asked.json()["error"]["message"]
        seconds = device_.answers(30)
        took = time.monotonic() - began
        table.add("engine gets no more memory (RLIMIT_AS, llama_cpp)", took, lost="the answers in progress, or none")
        assert seconds < 20
