"""Where a soak takes place: a device of its own with people, keys and models, a broker, a source of files, a hub."""

import asyncio
import hashlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from agent.chat.importing import import_into
from agent.chat.transfer import edgewise
from agent.config import Config
from agent.embeddings.encoder import WEIGHTS
from agent.models import SourceSettings
from agent.models.embedder import EMBEDDINGS, describe
from agent.models.embedder import NAME as ENCODER
from agent.models.files import FetchedFile, SourceFile
from agent.models.installed import write_model
from agent.node import Node
from benchmarks import servers
from benchmarks.pages.filled import conversation
from benchmarks.soak.hub import Hub, hub
from tests.embeddings import tiny_encoder
from tests.fake_hub import FakeHub, HubFile, running_hub
from tests.telemetry.broker import Broker, broker, free_port
from tests.tiny_model import tiny_model
from tests.web.daemon import COMMAND, environment

MODEL = "starter"
PASSWORD = "correct horse battery"  # noqa: S105 - of a device that lives for an hour
PEOPLE = ("Ada", "Grace", "Edsger", "Barbara")
STEP_TIMEOUT = 20  # seconds after which an engine that hangs is ended
DEVICE = "soak-1"
_DOWNLOAD_BYTES = 4 << 20
_CONVERSATIONS = 50  # of each person at the start: more than SQLite keeps in memory, so that this does not grow later
_PATIENCE = 120  # seconds; a first start measures the processor
_INSIDE = Path(__file__).with_name("inside")


@dataclass(frozen=True)
class Place:
    """Everything that a soak needs to know.

    Attributes:
        folder: of all files: `state`, `notes`, `log`.
        pid: of the daemon.
        key: of programs that chat.
        owner: key of a program that may do everything.
        digest: SHA-256 of the model that serves.
    """

    folder: Path
    url: str
    pid: int
    key: str
    owner: str
    digest: str
    broker: Broker
    files: FakeHub
    hub: Hub

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.folder / "state"

    def client(self, **headers: str) -> httpx.AsyncClient:
        """Return a client of the daemon."""
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=150, trust_env=False)

    async def healthy(self) -> bool:
        """Tell whether the model is ready."""
        async with self.client() as client:
            try:
                return (await client.get("/healthz", timeout=5)).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False


@contextmanager
def place(folder: Path, *, encoder: Path | None, trace: bool) -> Iterator[Place]:
    """Run the device and what is around it for the block."""
    state, notes = folder / "state", folder / "notes"
    notes.mkdir(parents=True)
    key, owner = asyncio.run(_furnish(state, encoder))
    digest = hashlib.sha256(servers.starter().read_bytes()).hexdigest()
    with running_hub() as files, broker(folder) as mosquitto, hub(mosquitto.port, DEVICE) as watching:
        files.plain["soak.gguf"] = HubFile(tiny_model(_DOWNLOAD_BYTES))
        port = free_port()
        inside = {"PYTHONPATH": f"{_INSIDE}:{servers.HERE}", "SOAK_NOTES": str(notes), "SOAK_TRACE": str(int(trace))}
        flags = ["--state-dir", str(state), "--port", str(port), "--mqtt-url", mosquitto.url, *_FLAGS]
        with _running([*COMMAND, *flags], environment(state) | inside, folder / "log") as pid:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url)
            yield Place(folder, url, pid, key, owner, digest, mosquitto, files, watching)


_FLAGS = (
    *("--host", "127.0.0.1", "--engine", "llama_cpp", "--fetch-models", "false", "--discovery", "false"),
    *("--step-timeout", str(STEP_TIMEOUT), "--prompt-cache", "32"),  # MiB: full after minutes, so that growth shows
    *("--mqtt-id", DEVICE, "--mqtt-say", "100000"),
)


async def _furnish(state: Path, encoder: Path | None) -> tuple[str, str]:
    """Make people, keys and models, as their owner would; returns the keys."""
    node = Node(Config(state_dir=state, offline=True), {})
    await node.open()
    try:
        for name in PEOPLE:
            user = await node.security.users.add(name, PASSWORD, "admin" if name == PEOPLE[0] else "user")
            for number in range(_CONVERSATIONS):
                await import_into(node.store, user.id, edgewise.write(conversation(number, rich=False)))
        _, key = await node.security.keys.create("programs", ["chat"])
        _, owner = await node.security.keys.create("owner", ["chat", "models", "admin", "metrics"])
        sources = SourceSettings(hf_endpoint="", hf_token=None, pypi_index="", offline=True)
        await node.models.pull(str(servers.starter()), sources, name=MODEL)
    finally:
        await node.stop()
    if encoder is None:
        tiny_encoder.install(state)
    else:
        _install(encoder, state / "models" / ENCODER)
    return key, owner


def _install(encoder: Path, folder: Path) -> None:
    """Copy the files of an encoder to where the daemon finds them."""
    shutil.copytree(encoder, folder, ignore=shutil.ignore_patterns("model.json", ".*"))
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [FetchedFile(path, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]
    source = SourceFile(EMBEDDINGS, ENCODER, WEIGHTS, "")
    write_model(folder, describe(source, folder, files, "2026-01-01T00:00:00+00:00"))


@contextmanager
def _running(command: list[str], env: dict[str, str], log: Path) -> Iterator[int]:
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=servers.HERE, env=env, stdout=file, stderr=file)
    try:
        yield process.pid
        if process.poll() is not None:
            raise SystemExit(f"The daemon has ended by itself: {log}")
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(url: str) -> None:
    end = time.monotonic() + _PATIENCE
    with httpx.Client(trust_env=False, timeout=2) as client:
        while time.monotonic() < end:
            try:
                if client.get(f"{url}/healthz").status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
    raise SystemExit(f"The daemon is not ready after {_PATIENCE} s.")


def children(pid: int) -> dict[str, int]:
    """Return the processes that a daemon has, by what they are: `engine`, `embeddings`."""
    found: dict[str, int] = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            listed = (thread / "children").read_text().split()
            commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in listed}
        except OSError:
            continue
        kinds = {b"agent.inference.worker": "engine", b"agent.embeddings.worker": "embeddings"}
        found |= {kind: child for child, command in commands.items() for word, kind in kinds.items() if word in command}
    return found
