"""Start and stop the servers that are compared, each on a free port of the loopback interface."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

PARALLEL = 8
CONTEXT = 4608  # per slot: a prompt of 4k tokens and its answer
_PATIENCE = 60  # seconds
HERE = Path(__file__).parents[1]
_EDGEWISE = [sys.executable, "-c", "from agent.cli import main; main()"]  # of the directory that it is started in


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    url: str
    pid: int
    seconds: float  # from the start of the process to the first 200 of its health check


def starter() -> Path:
    """Return the starter model that the tests use."""
    path = HERE / ".venv/starter/SmolLM2-135M-Instruct.Q4_1.gguf"
    if not path.is_file():
        raise SystemExit("There is no starter model: run `make test` once.")
    return path


@contextmanager
def edgewise(model: Path, *, parallel: int = PARALLEL, context: int = CONTEXT) -> Iterator[Server]:
    """Run the daemon with an empty state directory."""
    flags = ("--model", str(model), "--parallel", str(parallel), "--context", str(context), "--auth", "open")
    with tempfile.TemporaryDirectory() as state, daemon(Path(state), *flags) as server:
        yield server


@contextmanager
def daemon(state: Path, *flags: str, checkout: Path = HERE) -> Iterator[Server]:
    """Run the daemon of a checkout with a state directory that is kept."""
    port = _free_port()
    command = [*_EDGEWISE, "run", "--state-dir", str(state), "--port", str(port), "--offline", *flags]
    with _running("edgewise", command, port, "/healthz", checkout) as server:
        yield server


@contextmanager
def peer(model: Path, *, parallel: int = PARALLEL, context: int = CONTEXT) -> Iterator[Server]:
    """Run llama.cpp's server with the same number of slots, tokens and threads."""
    port = _free_port()
    script = str(Path(__file__).with_name("peer.py"))
    threads = len(os.sched_getaffinity(0))
    command = [sys.executable, script, str(model), str(port), str(parallel), str(parallel * context), str(threads)]
    with _running("llama-server", command, port, "/health", HERE) as server:
        yield server


@contextmanager
def _running(name: str, command: list[str], port: int, health: str, directory: Path) -> Iterator[Server]:
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(trust_env=False, timeout=2) as client:  # one: to make one takes longer than to ask
            while not _healthy(client, url + health):
                if process.poll() is not None or time.perf_counter() - started > _PATIENCE:
                    raise SystemExit(f"{name} did not start: {' '.join(command)}")
                time.sleep(0.01)
        yield Server(name, url, process.pid, time.perf_counter() - started)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _healthy(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
