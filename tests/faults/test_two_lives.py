"""Two daemons meet: at a port, in a state directory, or the engine of one outlives it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.inference.frames import Load, encode
from agent.plan import Plan
from agent.sole import sole
from tests.faults.device import SLOW, device, gone, stop_process
from tests.faults.table import Table
from tests.telemetry.broker import free_port
from tests.web.daemon import ROOT, command, environment, eventually

FREEZER = Path("/sys/fs/cgroup/freezer")  # of cgroup v1: what it has frozen cannot even be killed


def refused(state: Path, *flags: str) -> tuple[int, str]:
    """Return the exit status of a daemon that cannot start, and what it says."""
    state.mkdir(exist_ok=True)
    told = subprocess.run(
        command(state, *flags), cwd=ROOT, env=environment(state), capture_output=True, text=True, check=False
    )
    return told.returncode, told.stderr


def test_a_port_that_is_taken_is_named_with_the_program_that_has_it(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, words = refused(state, "--port", str(port))
    assert status == 2, "systemd takes that for a failure, and tries again"
    assert f"Port {port} on 127.0.0.1 is taken by " in words
    assert f"(process {os.getpid()})" in words
    assert "--port" in words
    assert "Traceback" not in words


def test_a_directory_in_which_somebody_works_is_refused_with_the_process_that_does(state: Path) -> None:
    with (
        sole(state),
        pytest.raises(ConfigError, match=f"works in {state}: process {os.getpid()}"),
        sole(state, patience=0.1),
    ):
        pass
    with sole(state, patience=0):
        pass  # it is free again


def test_an_engine_whose_daemon_died_before_the_kernel_knew_of_the_two_loads_nothing(tmp_path: Path) -> None:
    model = tmp_path / "model.gguf"
    model.write_text("!hang")
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(encode(Load(str(model), Plan(128, 1, 1, 64), extra_buffers=True)))
        ours.close()  # this process, its parent, lives on
        worker = [sys.executable, "-m", "agent.inference.worker", "--engine", "echo", "--fd", str(theirs.fileno())]
        process = subprocess.Popen(worker, cwd=ROOT, pass_fds=[theirs.fileno()])
    assert process.wait(10) == -signal.SIGKILL


@pytest.mark.chaos
def test_a_second_daemon_in_the_same_directory_gives_up_and_harms_nothing(state: Path, table: Table) -> None:
    with device(state) as first:
        key = (state / "local-key").read_text()
        began = time.monotonic()
        status, words = refused(state)
        table.add("a second daemon in the same state directory: seconds until it says so", time.monotonic() - began)
        assert status == 2
        assert f"process {first.daemon.process.pid}" in words
        assert (state / "local-key").read_text() == key
        assert first.daemon.ask("hi").is_success


@pytest.mark.chaos
def test_a_daemon_that_is_started_while_the_last_one_ends_takes_its_place(state: Path, table: Table) -> None:
    port = ("--port", str(free_port()))
    with device(state, *port) as device_, device_.wounded(SLOW) as clients:
        last = device_.daemon
        began = time.monotonic()
        last.process.terminate()
        device_.start()
        seconds = device_.answers(10)
        table.add("restart at once, on the same port, while the last daemon ends", time.monotonic() - began)
        assert seconds < 10
        assert last.process.wait(10) == 0
        assert all(reply.clear for reply in clients.told(10))


@pytest.mark.chaos
@pytest.mark.parametrize("engine", ["echo", "llama_cpp"])
@pytest.mark.parametrize("hangs", [False, True], ids=["computing", "stopped"])
def test_no_engine_outlives_its_daemon(engine: str, state: Path, starter: Path, table: Table, *, hangs: bool) -> None:
    model = () if engine == "echo" else ("--model", str(starter), "--context", "512")
    with device(state, "--engine", engine, *model) as device_:
        pid = device_.engine()
        if hangs:
            stop_process(pid)
        began = time.monotonic()
        device_.kill()
        eventually(lambda: gone(pid), 5)
        how = "stopped engine" if hangs else "engine"
        table.add(f"daemon killed: seconds until its {how} is gone ({engine})", time.monotonic() - began)
        device_.start()
        assert device_.answers(10) < 10


@pytest.mark.chaos
def test_an_engine_is_gone_whenever_the_daemon_is_killed_while_it_starts(state: Path, table: Table) -> None:
    seconds = []
    for moment in range(12):
        with device(state, ready=False) as device_:
            eventually(device_.engines, 10)
            time.sleep(moment * 0.04)  # its interpreter starts, it asks to die with us, it loads
            began = time.monotonic()
            device_.kill()
            eventually(lambda: not device_.engines(), 5)
            seconds.append(time.monotonic() - began)
    table.add("daemon killed while its engine starts: seconds until that is gone", *seconds)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Have a process neither run nor die."""
    group = FREEZER / f"edgewise-test-{pid}"
    group.mkdir()
    try:
        (group / "cgroup.procs").write_text(str(pid))
        (group / "freezer.state").write_text("FROZEN")
        eventually(lambda: (group / "freezer.state").read_text().strip() == "FROZEN", 5)
        yield
    finally:
        (group / "freezer.state").write_text("THAWED")
        eventually(lambda: not (group / "cgroup.procs").read_text(), 10)
        group.rmdir()


@pytest.mark.chaos
@pytest.mark.skipif(not os.access(FREEZER / "cgroup.procs", os.W_OK), reason="needs root and the freezer of cgroup v1")
def test_an_engine_that_cannot_die_keeps_no_new_life_from_serving(state: Path, starter: Path, table: Table) -> None:
    flags = ("--engine", "llama_cpp", "--model", str(starter), "--context", "512")
    with device(state, *flags) as device_:
        pid = device_.engine()
        with frozen(pid):
            began = time.monotonic()
            device_.kill()
            device_.start()
            assert device_.answers(20) < 20
            table.add("daemon killed, its engine cannot die: seconds until the next serves", time.monotonic() - began)
            assert not gone(pid), "the dead life's engine still holds its memory"
        eventually(lambda: gone(pid), 5)
        os.kill(device_.engine(), signal.SIGCONT)  # the new one runs
