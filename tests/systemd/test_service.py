"""When systemd hears that the daemon lives, and when it does not."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from agent.config import Config, engine_environment
from agent.node import Node
from agent.notify import Supervision
from agent.service import Service
from tests.systemd.listening import Manager, manager

WATCHDOG = 0.4  # seconds
LONG = 3 * WATCHDOG

Look = Callable[[Node, asyncio.AbstractEventLoop], object]


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Manager]:
    with manager(str(tmp_path / "notify")) as listening:
        yield listening


def serving(state: Path, systemd: Manager, look: Look, **settings: Any) -> None:  # noqa: ANN401
    """Call `look` in a thread while a node serves as a service."""

    async def scenario() -> None:
        config = Config(state_dir=state, engine="echo", offline=True, auth="open", discovery=False, **settings)
        node = Node(config, engine_environment())
        service = Service(node, Supervision(systemd.address, WATCHDOG))
        service.opening()
        await node.open()
        node.start()
        service.ready("http://127.0.0.1:8080")
        try:
            await asyncio.to_thread(look, node, asyncio.get_running_loop())
        finally:
            service.stopping()
            await node.stop()

    asyncio.run(scenario())


def drain(systemd: Manager) -> None:
    """Leave out the ping that may be on its way."""
    systemd.silent("WATCHDOG", WATCHDOG / 2)


def test_it_is_ready_before_a_model_is_loaded_and_says_so_until_the_end(tmp_path: Path, systemd: Manager) -> None:
    def look(_node: Node, _loop: asyncio.AbstractEventLoop) -> None:
        opening, ready = systemd.until("READY")
        assert opening["STATUS"] == "Opening the stores"
        assert int(opening["EXTEND_TIMEOUT_USEC"]) >= 60_000_000
        assert "8080" in ready["STATUS"]
        while "Serving echo" not in systemd.until("STATUS")[-1]["STATUS"]:
            pass
        systemd.until("WATCHDOG")

    serving(tmp_path, systemd, look)
    end = systemd.until("STOPPING")[-1]
    assert end["STATUS"] == "Shutting down"
    assert "EXTEND_TIMEOUT_USEC" in end


def test_pings_come_often_enough_while_all_is_well(tmp_path: Path, systemd: Manager) -> None:
    def look(_node: Node, _loop: asyncio.AbstractEventLoop) -> None:
        systemd.until("WATCHDOG")
        for _ in range(4):
            systemd.until("WATCHDOG", WATCHDOG)

    serving(tmp_path, systemd, look)


def test_an_event_loop_that_hangs_is_not_alive(tmp_path: Path, systemd: Manager) -> None:
    def look(_node: Node, loop: asyncio.AbstractEventLoop) -> None:
        systemd.until("WATCHDOG")
        loop.call_soon_threadsafe(time.sleep, 2 * LONG)
        drain(systemd)
        assert systemd.silent("WATCHDOG", LONG)
        systemd.until("WATCHDOG")  # it goes on, and so do the pings

    serving(tmp_path, systemd, look)


def test_a_writer_that_hangs_is_not_alive(tmp_path: Path, systemd: Manager) -> None:
    def hang(_database: Database) -> None:
        time.sleep(2 * LONG)

    def look(node: Node, loop: asyncio.AbstractEventLoop) -> None:
        systemd.until("WATCHDOG")
        asyncio.run_coroutine_threadsafe(node.store.write(hang), loop)
        drain(systemd)
        assert systemd.silent("WATCHDOG", LONG)
        systemd.until("WATCHDOG")

    serving(tmp_path, systemd, look)


def test_an_engine_that_nobody_supervises_is_not_alive(tmp_path: Path, systemd: Manager) -> None:
    def look(node: Node, loop: asyncio.AbstractEventLoop) -> None:
        systemd.until("WATCHDOG")
        while node.health().status != "ok":
            time.sleep(0.01)
        supervising = node._supervisor._task
        assert supervising is not None
        loop.call_soon_threadsafe(supervising.cancel)
        drain(systemd)
        assert systemd.silent("WATCHDOG", LONG)

    serving(tmp_path, systemd, look)


def test_a_network_that_is_gone_does_not_matter(tmp_path: Path, systemd: Manager) -> None:
    def look(_node: Node, _loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(4):
            systemd.until("WATCHDOG")

    serving(tmp_path, systemd, look, mqtt_url="mqtt://192.0.2.1:1883", hf_endpoint="http://192.0.2.1")
