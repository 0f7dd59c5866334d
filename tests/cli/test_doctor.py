import os
import socket
from pathlib import Path

import pytest

from tests.cli.running import edgewise
from tests.selecting import small_model
from tests.web.daemon import daemon


def test_a_new_machine_has_nothing_wrong(tmp_path: Path) -> None:
    done = edgewise(tmp_path, "doctor", "--port", "0")
    assert done.returncode == 0
    assert "no model is installed" in done.stdout
    assert "PROBLEM" not in done.stdout


def test_loads_the_model_when_no_daemon_runs(tmp_path: Path, measured: list[str], starter: Path) -> None:
    done = edgewise(tmp_path, "doctor", *measured, "--model", str(starter), "--context", "256", "--port", "0")
    assert done.returncode == 0
    assert "self-test passed" in done.stdout


def test_a_library_with_execution_providers_must_work(tmp_path: Path, measured: list[str]) -> None:
    library = tmp_path / "plugin.so"
    library.write_text("no library")
    done = edgewise(tmp_path, "doctor", *measured, "--port", "0", "--onnx-ep-libraries", str(library))
    assert done.returncode == 1
    assert "ok      ONNX Runtime on cpu (CPU" in done.stdout
    assert "PROBLEM ONNX Runtime on plugin.so: cannot be used: " in done.stdout
    assert "onnx_ep_libraries" in done.stdout


def test_asks_the_daemon_that_runs(tmp_path: Path, state: Path, measured: list[str]) -> None:
    with daemon(state) as echo:
        done = edgewise(tmp_path, "doctor", *measured, "--port", echo.url.rpartition(":")[2])
    assert done.returncode == 0
    assert "echo is ready" in done.stdout


def test_a_port_that_something_else_has_is_a_problem(tmp_path: Path, measured: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        done = edgewise(tmp_path, "doctor", *measured, "--port", str(other.getsockname()[1]))
    assert done.returncode == 1
    assert "cannot be used" in done.stdout
    assert "--port" in done.stdout


def test_a_damaged_model_is_found(tmp_path: Path, state: Path, measured: list[str]) -> None:
    model = small_model(tmp_path / "m.gguf")
    assert edgewise(tmp_path, "models", "pull", str(model), "--name", "m", *measured).returncode == 0
    file = next((state / "models" / "m").glob("*.gguf"))
    data = file.read_bytes()
    file.write_bytes(b"XXXX" + data[4:])
    done = edgewise(tmp_path, "doctor", *measured, "--port", "0", "--offline")
    assert done.returncode == 1
    assert "PROBLEM" in done.stdout
    assert file.name in done.stdout


def test_a_model_that_was_set_aside_is_named_with_the_reason(tmp_path: Path, measured: list[str]) -> None:
    bad = tmp_path / "bad.gguf"
    bad.write_text("!crash")
    flags = [*measured, "--engine", "echo", "--model", str(bad), "--port", "0"]
    first = edgewise(tmp_path, "doctor", *flags)
    assert first.returncode == 1
    second = edgewise(tmp_path, "doctor", *flags)
    assert "bad.gguf" in second.stdout
    assert "SIGSEGV" in second.stdout


@pytest.mark.skipif(os.getuid() == 0, reason="root can write everywhere")
def test_a_state_directory_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    done = edgewise(tmp_path, "doctor", "--state-dir", str(locked / "state"))
    assert done.returncode == 1
    assert "cannot be written" in done.stdout
