"""A device for people to look at: a Raspberry Pi 5 after a busy day, with a household, models, and some troubles.

The daemon runs in a thread of this process, so that what takes hours on a real one can be put into it: a day of
temperatures, a model that was set aside, downloads in every state. The engine is the echo engine.
"""

import asyncio
import logging
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import msgspec
import uvicorn

from agent.available import Available
from agent.benchmark import Benchmark
from agent.chat.conversations import Conversations
from agent.cli.choosing import chooser
from agent.config import Config
from agent.downloads import Download
from agent.hardware.pressure import Pressure, Stall
from agent.models.progress import Progress
from agent.node import Node
from agent.security.accounts import Accounts
from agent.selection import Considered, Selection
from agent.steward import Coming
from agent.vitals import INTERVAL, Sample, Vitals
from tests.selecting import small_model
from tests.web.settings.conftest import opened
from web.app import create_app
from web.server import listen
from web.setup_model import file_name

_Entry = TypeVar("_Entry", bound=Considered)

PASSWORD = "correct horse"  # noqa: S105 - of nobody
PEOPLE = (("Ada", "admin"), ("Bob", "user"), ("Gus", "guest"), ("Rindfleischetikettierungsüberwachungsge.", "user"))
BOARD = Path(__file__).parents[1] / "boards" / "raspberry-pi-5-8gb" / "tree"
SERVING, SPARE = "qwen3.5-2b-q5_k_m", "smollm2-135m-instruct-q4_1"
HOSTILE = "<script>alert(1)</script> \x1b[31mred \u202eback\u202c " + "x" * 300
_GIB = 1 << 30
_DAY = 86_400
_PATIENCE = 30  # seconds


@dataclass(frozen=True)
class Showcase:
    """The address of the device, and the device."""

    url: str
    node: Node


class BusyDay(Vitals):
    """What a day was like: warm in the afternoon, held back for a while, off during the night."""

    async def look(self) -> None:
        if self._sample is None:
            for second in range(0, _DAY, int(INTERVAL)):
                self._remember(second)
        self._sample = _sample(_DAY)

    def _remember(self, second: int) -> None:
        known = not 20_000 < second < 30_000
        for history in (self._hour, self._day):
            history.add(second, _sample(second).values() if known else {})


def _sample(second: int) -> Sample:
    load = max(0.0, math.sin(second / 4000) * math.sin(second / 700))
    return Sample(
        celsius=48 + 34 * load,
        limit=85.0,
        throttled=(),
        throttled_before=("soft temperature limit",) if second == _DAY else (),
        cpu=0.04 + 0.9 * load,
        megahertz=2400.0,
        total=8 * _GIB,
        available=round((5.5 - 0.6 * load) * _GIB),
        daemon=80 << 20,
        engine=round(2.1 * _GIB),
        active=1,
        waiting=2,
        rate=14.8 * min(1.0, 2 * load),
        pressure=Pressure(cpu=_stall(0.4 * load), memory=_stall(0.02 * load), io=_stall(0.1 * load)),
        watts=3.1 + 8.4 * load,
        watts_of="rails",
        joules=410_000.0,
        joules_per_token=0.71,
        disk_free=44 * _GIB,
        disk_worn=0.2,
        written=310 << 20,
    )


def _stall(share: float) -> Stall:
    return Stall(some=share, some_minute=share, full=0.0, full_minute=0.0)


@contextmanager
def showcase(state: Path, *, household: bool = True) -> Iterator[Showcase]:
    """Run the device while the block runs; without a household it waits to be claimed."""
    state.mkdir(parents=True, exist_ok=True)
    with listen("127.0.0.1", 0) as listener:
        node, ready = _node(state), threading.Event()
        server = uvicorn.Server(uvicorn.Config(create_app(node), lifespan="off", log_config=None, log_level="warning"))
        thread = threading.Thread(target=asyncio.run, args=[_run(node, server, listener, ready, household=household)])
        thread.start()
        try:
            assert ready.wait(_PATIENCE)
            yield Showcase(f"http://127.0.0.1:{listener.getsockname()[1]}", node)
        finally:
            server.force_exit = server.should_exit = True
            thread.join()


async def _run(
    node: Node, server: uvicorn.Server, listener: socket.socket, ready: threading.Event, *, household: bool
) -> None:
    """Serve the device until the server is told to end."""
    await _furnish(node, household=household)
    await node.open()
    node.start()
    await _dress(node)
    ready.set()
    await server.serve(sockets=[listener])
    await node.stop()


async def _furnish(node: Node, *, household: bool) -> None:
    """Put into the state directory what was done on earlier days."""
    state = node.config.state_dir
    for name in (SERVING, SPARE):
        await node.models.pull(str(small_model(state / f"{name}.gguf")), node.config.sources(), name=name)
    aside = "gemma-3-1b-it-q4_k_m.gguf 806058240 1790000000"
    node.set_aside.add(aside, "llama.cpp b6100", "the engine crashed.", aside=True)
    node.benchmarks._results = [
        Benchmark(f"2026-11-{day}T09:30:00Z", SERVING, "llama.cpp b6100", 4, 512, 64, 61.3, 14.8, day == 14, day == 21)
        for day in (12, 14, 21)
    ]
    with opened(state) as store:
        accounts = Accounts.on(store, state)
        for name, role in PEOPLE if household else ():
            user = await accounts.users.add(name, PASSWORD, role)
            for title in ("Bread without kneading", "A poem for grandmother's birthday"):
                await Conversations(store).create(user.id, title=title)
            if role == "admin":
                await accounts.keys.create("Home Assistant", ("chat",), user_id=user.id)


def _node(state: Path) -> Node:
    """Return the device, on which the echo engine goes by the name of a model."""
    node = Node(Config(state_dir=state, engine="echo", offline=True, host="127.0.0.1"), {})
    start = node._supervisor.start
    node._supervisor.start = lambda candidates: start(  # type: ignore[method-assign]
        [replace(candidate, name=SERVING) for candidate in candidates]
    )
    node.vitals = BusyDay(BOARD, node._traffic)
    board = replace(chooser(node.config, BOARD), config=node.config)
    node.available = Available(board, lambda: 0)
    node.logs.setLevel(logging.INFO)
    return node


async def _dress(node: Node) -> None:
    """Put into the node what would come about over hours."""
    await node.settings.change(name="Kitchen", setup="done")
    node.config = msgspec.structs.replace(node.config, engine="llama_cpp")
    node._steward.selection = await _selection(node)
    node._steward.coming = Coming("SmolLM3 3B Q4_K_M", Progress("downloading", 410_000_000, 1_915_305_312, 5.6e6, 269))
    node.downloads._list = {download.id: download for download in _downloads()}
    node._supervisor.failures["x"] = f"{SPARE} was given up: it writes 3.1 tokens per second, and 20.4 were predicted."
    moment = time.time() - 600
    for second, (level, text) in enumerate(_LINES * 20):
        record = logging.LogRecord("agent.node", level, "", 0, text, None, None)
        record.created = moment + second
        node.logs.emit(record)


async def _selection(node: Node) -> Selection:
    """Return what is chosen for the board, as if it were installed."""
    found = await chooser(node.config, BOARD).choose(remember=False)

    def here(entry: _Entry) -> _Entry:
        name = file_name(entry)
        return msgspec.structs.replace(entry, installed=name) if name in {SERVING, SPARE} else entry

    return msgspec.structs.replace(here(found), rejected=[here(entry) for entry in found.rejected])


def _downloads() -> list[Download]:
    """Return downloads in every state."""
    total = 2_497_280_000
    return [
        Download(
            "1", "pull", "hf:a/a/a.gguf", "", "Qwen3 4B Q4_K_M", "running",
            Progress("downloading", 1_031_000_000, total, 11.2e6, 131),
        ),
        Download("2", "pull", "hf:b/b/b.gguf", "", "Gemma 3 4B Q4_0", "queued"),
        Download(
            "3", "pull", "hf:c/c/c.gguf", "", "Llama 3.2 1B Q4_K_M", "paused",
            Progress("paused", 207_000_000, 807_694_464),
        ),
        Download(
            "4", "pull", "hf:d/d/d.gguf", "", "Phi 4 mini Q4_K_M", "failed",
            error="There are 1.2 GiB free on the disk of /var/lib/edgewise/models; the file needs 2.3 GiB.",
            hint="delete a model that is not used, or move models_dir to a larger disk.",
        ),
        Download("5", "verify", SERVING, SERVING, SERVING, "done", installed=SERVING),
        Download("6", "pull", "hf:e/e/e.gguf", "", "SmolLM2 135M Q4_1", "done", installed=SPARE),
    ]  # fmt: skip


_LINES = [
    (logging.INFO, "This computer: Raspberry Pi 5 Model B Rev 1.0. Firmware profile: raspberry-pi-5"),
    (logging.INFO, f"Loaded {SERVING} in 3.2 s"),
    (logging.DEBUG, "GET /device/live 200"),
    (logging.WARNING, "gemma-3-1b-it-q4_k_m is set aside: the engine crashed."),
    (logging.ERROR, "Phi 4 mini Q4_K_M cannot be fetched: https://huggingface.co does not answer."),
    (logging.INFO, HOSTILE),
]
