"""Commands: how many at a time, how soon, and for whom."""

import asyncio
from pathlib import Path

from tests.telemetry.commanding import Device, counting, ready, run, until


def test_one_slow_command_of_a_kind_at_a_time(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        await ready(found)
        before = found.node.engine_pid
        await found.send("restart_engine", {"id": "first"})
        await found.send("restart_engine", {"id": "second"})
        await found.send("restart_engine", {"id": "first"})
        await until(lambda: [a.status for a in found.hub.answers() if a.id == "first"][-1:] == ["ok"])
        second = [answer for answer in found.hub.answers() if answer.id == "second"]
        assert [(answer.status, answer.code) for answer in second] == [("rejected", 429)]
        first = [answer.status for answer in found.hub.answers() if answer.id == "first"]
        assert first == ["accepted", "accepted", "ok"]
        assert found.node.engine_pid not in {0, before}

    run(tmp_path, scenario)


def test_four_commands_at_a_time(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        many = "edgewise/v1/_all/cmd/ping"
        for number in range(6):
            await found.send("ping", {"id": str(number), "args": {"spread_s": 0.3}}, topic=many)
        await until(lambda: len(found.hub.answers()) == 6)
        outcome = {answer.id: answer.code for answer in found.hub.answers()}
        assert outcome == {"0": 200, "1": 200, "2": 200, "3": 200, "4": 429, "5": 429}

    run(tmp_path, scenario)


def test_many_devices_do_not_answer_at_once(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        await found.send("ping", {"args": {"spread_s": 600}}, topic="edgewise/v1/_grp/pilot/cmd/ping")
        await found.send("ping", {"args": {"spread_s": 600}})
        await found.last()
        await asyncio.sleep(0.05)
        assert len(found.hub.answers()) == 1, "the one that was sent to this device alone; 1 in 10000 is unlucky"

    run(tmp_path, scenario)


def test_an_unclaimed_device_follows_only_what_does_no_harm(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        marks = counting(found)
        assert (await found.ask("ping")).status == "ok"
        assert (await found.ask("rebirth")).status == "ok"
        answer = await found.ask("reload_config")
        assert (answer.status, answer.code, "not claimed" in answer.msg) == ("rejected", 403, True)
        assert (marks, found.telemetry.births) == ([], 1)

    run(tmp_path, scenario, auth="accounts")
