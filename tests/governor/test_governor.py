"""The governor of a real node with a real engine, on a computer whose temperature and memory a test sets."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.config import Config, engine_environment
from agent.governor import governor
from agent.governor.governor import Governor
from agent.governor.state import Governed
from agent.node import Node
from agent.restraints import Restraint
from tests.hardware.planting import ZONE, plant
from tests.inference.supervising import ask, until, whole

ALL_OF_IT = Governed(threads=4)
FLAGS = "sys/devices/platform/soc/soc:firmware/get_throttled"


class Computer:
    """A node on a tree of its own, looked at by hand on a clock of its own."""

    def __init__(self, root: Path, **settings: object) -> None:
        self.root = root / "tree"
        self.now, self.noise = 0.0, 0.1
        config = Config(state_dir=root / "state", engine="echo", threads=4, offline=True)
        self.node = Node(replace(config, **settings), engine_environment())
        self.governor = self.node.governor = Governor(self.node, self.node._room, self.root, clock=lambda: self.now)
        self.set(50.0, 2000)

    def set(self, celsius: float, megabytes: int) -> None:
        """Set temperature and available memory."""
        temp = f"{round(1000 * celsius)}\n"
        meminfo = f"MemTotal: {4096 * 1024} kB\nMemAvailable: {megabytes * 1024} kB\n"
        plant(self.root, {f"{ZONE}/type": "cpu-thermal\n", f"{ZONE}/temp": temp, "proc/meminfo": meminfo})

    async def looks(self, seconds: float, celsius: float = 50.0, megabytes: int = 2000) -> None:
        """Look for some seconds, more rarely in a long time, with the noise of a sensor."""
        end = self.now + seconds
        while self.now < end:
            self.now += 2.0 if seconds < 60 else 10.0
            self.noise = -self.noise
            self.set(celsius + self.noise, megabytes)
            await self.governor.look()


def run(computer: Computer, scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario once the engine is ready."""

    async def whole() -> None:
        computer.node.start()
        try:
            await until(lambda: computer.node.health().status == "ok")
            await scenario()
        finally:
            await computer.node.stop()

    asyncio.run(whole())


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(governor, "_TICK", 3600.0)


def test_heat_slows_the_engine_down_says_why_and_lets_go_when_it_is_cool(tmp_path: Path) -> None:
    computer = Computer(tmp_path)

    async def scenario() -> None:
        supervisor = computer.node._room.supervisor
        await computer.looks(20)
        assert computer.node.reading().governed == ALL_OF_IT
        await computer.looks(8, 79.0)
        governed = computer.node.reading().governed
        assert (governed.level, governed.share) == (1, 0.75)
        assert governed.reason == "It is 79 °C, and at 80 °C the board throttles, so Edgewise uses 75% of its power."
        assert supervisor.pacing.told.share == 0.75
        assert await whole(ask(supervisor, "still here")) == "still here"
        await computer.looks(8)
        await computer.looks(140)
        assert computer.node.reading().governed == ALL_OF_IT
        assert supervisor.pacing.told.share == 1.0

    run(computer, scenario)


def test_lasting_heat_restrains_all_but_the_wish_of_the_user(tmp_path: Path) -> None:
    computer = Computer(tmp_path)

    async def scenario() -> None:
        answer = ask(computer.node._room.supervisor, "!delay 50 !count 9999")
        await computer.looks(230, 81.0)
        held = computer.node.restraints.all()["heat"]
        assert (held.binds_wish, held.rests) == (False, False)
        assert "81 °C" in computer.node.health().restraints[0].reason
        answer.cancel()
        await computer.looks(3 * 130 + 650)
        assert not computer.node.restraints.all()

    run(computer, scenario)


def test_memory_that_runs_out_costs_caches_then_the_model_and_all_comes_back(tmp_path: Path) -> None:
    computer = Computer(tmp_path)

    async def scenario() -> None:
        supervisor = computer.node._room.supervisor
        await computer.looks(10, megabytes=70)
        assert not supervisor.pacing.told.conversations
        assert not computer.node.restraints.all()
        await computer.looks(22, megabytes=70)
        assert "70.0 MiB" in computer.node.restraints.all()["memory"].reason
        await computer.looks(2 * 320, megabytes=2000)
        assert not computer.node.restraints.all()
        assert supervisor.pacing.told.conversations

    run(computer, scenario)


def test_a_weak_power_supply_is_named(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    plant(computer.root, {FLAGS: "50005\n"})

    async def scenario() -> None:
        await computer.looks(4)
        governed = computer.node.reading().governed
        assert governed.level == 1
        assert "voltage" in governed.reason

    run(computer, scenario)


def test_the_owner_may_set_another_limit_or_switch_it_off_at_any_time(tmp_path: Path) -> None:
    computer = Computer(tmp_path, heat_limit=65.0)

    async def scenario() -> None:
        await computer.looks(20, 70.0)
        assert computer.governor.state().level == 3
        computer.node.config = replace(computer.node.config, governor=False)
        await computer.looks(20, 90.0)
        assert computer.node.reading().governed == ALL_OF_IT
        assert computer.node._room.supervisor.pacing.told.share == 1.0

    run(computer, scenario)


def test_restraints_of_others_are_left_alone(tmp_path: Path) -> None:
    computer = Computer(tmp_path)

    async def scenario() -> None:
        computer.node.restraints.set("heat", Restraint("Somebody says so."))
        await computer.looks(400)
        assert computer.node.restraints.all()

    run(computer, scenario)
