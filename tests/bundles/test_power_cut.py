"""Killed at every moment in which it touches the disk, an update leaves the old state or leads to the new one."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from agent.bundles.applying import roll_back
from agent.bundles.journal import recover
from tests.bundles.making import NEW, Device, make

SETTINGS = "context = 1024\n"
_TOUCHES = {"os.rename", "os.remove", "os.mkdir", "os.chmod", "os.rmdir"}


def alone(scene: Callable[[Path], set[str]], folder: Path) -> set[str]:
    """Play a scene in a new process: each fork of this one would copy what all other tests have left in its memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(scene, folder).result()


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do work in a process that is killed at its so-many-th touch of the disk; False when it was done before that."""
    child = os.fork()
    if not child:
        left = number

        def hook(event: str, values: tuple[Any, ...]) -> None:
            nonlocal left
            if event in _TOUCHES or (event == "open" and values[2] & (os.O_WRONLY | os.O_RDWR)):
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def prepared(root: Path, first: bytes) -> Device:
    device = Device(root)
    device.apply(first)
    return device


def sweep(tmp_path: Path, work: Callable[[Device], object], setup: Callable[[Path], Device]) -> set[str]:
    """Kill the work at every touch, and its completion too; returns which states that has led to.

    A process that is killed loses nothing that it has written: to wait for the disk would prove nothing here.
    """
    os.fsync = lambda _: None  # type: ignore[assignment]  # in a process of its own
    root, kept, ends = tmp_path / "device", tmp_path / "kept", set[str]()
    device = setup(root)
    old = device.look()
    shutil.copytree(root, kept)
    work(device)
    new = device.look()
    assert old != new
    for number in count(1):
        shutil.rmtree(root)
        shutil.copytree(kept, root)
        if not killed_at(number, partial(work, device)):
            return ends
        killed_at(1 + number % 7, partial(recover, device.place()))
        recover(device.place())
        found = device.look()
        assert found in (old, new), number
        ends.add("old" if found == old else "new")
        if found == old and number % 8 == 0:
            work(device)
            assert device.look() == new
    raise AssertionError("it never ends")


def updated(folder: Path) -> set[str]:
    first = make(folder / "one")
    second = make(folder / "two", version=2, model=NEW, settings=SETTINGS, serve="tiny")
    return sweep(folder, lambda device: device.apply(second), lambda root: prepared(root, first))


def taken_back(folder: Path) -> set[str]:
    first = make(folder / "one")
    second = make(folder / "two", version=2, model=NEW, settings=SETTINGS, serve="tiny")

    def setup(root: Path) -> Device:
        device = prepared(root, first)
        device.apply(second)
        return device

    return sweep(folder, lambda device: roll_back(device.place()), setup)


def test_an_update_that_loses_power_is_done_or_not_done(tmp_path: Path) -> None:
    assert alone(updated, tmp_path) == {"old", "new"}


@pytest.mark.slow
def test_taking_an_update_back_that_loses_power_is_done_or_not_done(tmp_path: Path) -> None:
    assert alone(taken_back, tmp_path) == {"old", "new"}
