"""Commands: what is refused and how, what is carried out, and what is never carried out twice."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from agent.config import Config, Resolved
from agent.telemetry import requests
from agent.telemetry.message import Incoming
from agent.telemetry.payloads import Response
from tests.telemetry.commanding import HUB, TOPICS, Device, Hub, counting, device, following, run, until


def test_an_answer_goes_where_it_is_asked_for_with_the_mark_of_whoever_asks(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        answer = await found.ask("ping", {"id": "p1"})
        (message,) = found.hub.messages
        assert (answer.id, answer.status, answer.code) == ("p1", "ok", 200)
        assert answer.result["ts_q"] == "ntp"
        assert (message.topic, message.correlation, message.retain, message.expiry) == (HUB, b"mark", False, 60)

    run(tmp_path, scenario)


def test_without_a_topic_to_answer_to_the_answer_goes_to_the_usual_one(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        await found.send("ping", reply="")
        await until(lambda: found.hub.answers(TOPICS.own("rsp/ping")))

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    "topic", [TOPICS.own("status"), TOPICS.own("cmd/ping"), "edgewise/v1/_all/cmd/ping", "hub/+", "$SYS/x", "a/#"]
)
def test_nobody_has_the_device_speak_in_its_own_name_or_to_other_devices(tmp_path: Path, topic: str) -> None:
    async def scenario(found: Device) -> None:
        await found.send("ping", reply=topic)
        await until(lambda: found.hub.answers(TOPICS.own("rsp/ping")))
        assert len(found.hub.messages) == 1

    run(tmp_path, scenario)


def test_an_answer_that_the_broker_refuses_goes_to_the_usual_topic(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        await found.send("ping", reply="forbidden")
        await until(lambda: found.hub.answers(TOPICS.own("rsp/ping")))

    run(tmp_path, scenario, Hub(forbidden="forbidden"))


def test_an_answer_that_finds_no_connection_goes_out_with_the_next(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        found.hub.away = True
        await found.send("ping", {"id": "p1"})
        await asyncio.sleep(0.1)
        assert not found.hub.messages
        found.hub.away = False
        await found.inbox.connected(found.hub)
        assert (await found.last()).id == "p1"

    run(tmp_path, scenario)


DEEP = b'{"args":' + b"[" * 30_000 + b"]" * 30_000 + b"}"


@pytest.mark.parametrize(
    ("name", "payload", "code", "words"),
    [
        ("ping", b"", 400, "payload is empty"),
        ("ping", b"{" + b" " * requests.LARGEST + b"}", 400, "bytes"),
        ("ping", b"{", 400, "no command"),
        ("ping", b"\xff\xfe", 400, "no command"),
        ("ping", DEEP, 400, "no command"),
        ("ping", b'{"id":7}', 400, "$.id"),
        ("ping", b'{"ttl_s":-1}', 400, "$.ttl_s"),
        ("ping", b'{"args":{"tiem":1}}', 400, "tiem"),
        ("ping", b'{"args":{"time":"noon"}}', 400, "$.time"),
        ("ping", b'{"args":{"spread_s":1e9}}', 400, "spread_s"),
        ("restart_engin", b"{}", 404, "Did you mean 'restart_engine'?"),
        ("zzz", b"{}", 404, "There are: bench"),
        ("set_model", b"{}", 400, "model"),
    ],
)
def test_what_is_no_command_is_rejected_with_the_reason(
    tmp_path: Path, name: str, payload: bytes, code: int, words: str
) -> None:
    async def scenario(found: Device) -> None:
        answer = await found.ask(name, payload)
        assert (answer.status, answer.code) == ("rejected", code)
        assert words in answer.msg
        assert found.acknowledged == [name], "or the broker would send it again and again"

    run(tmp_path, scenario)


def test_who_asks_for_a_command_that_there_is_not_is_answered_under_the_id_of_the_request(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        answer = await found.ask("set_modle", {"id": "typo"})
        assert (answer.id, answer.code) == ("typo", 404)
        assert "set_model" in answer.msg

    run(tmp_path, scenario)


def test_a_retained_command_is_not_carried_out(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        marks = counting(found)
        answer = await found.ask("reload_config", retain=True)
        assert (answer.status, answer.code) == ("rejected", 400)
        assert "retained" in answer.msg
        assert not marks

    run(tmp_path, scenario)


def test_what_comes_twice_is_answered_twice_and_carried_out_once(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        marks = counting(found)
        first = await found.ask("reload_config", {"id": "r1"})
        assert await found.ask("reload_config", {"id": "r1", "ts": 1, "by": "again"}) == first
        assert (first.status, len(marks)) == ("ok", 1)

    run(tmp_path, scenario)


def test_what_comes_again_after_a_restart_is_not_carried_out_again(tmp_path: Path) -> None:
    answers: list[Response] = []

    async def scenario(found: Device) -> None:
        marks = counting(found)
        answers.append(await found.ask("reload_config", {"id": "r1"}))
        assert len(marks) == (1 if len(answers) == 1 else 0)

    run(tmp_path, scenario)
    run(tmp_path, scenario)
    assert answers[0] == answers[1]


def test_what_changes_nothing_is_carried_out_once_without_a_note_on_the_disk(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        first = await found.ask("rebirth", {"id": "same"})
        assert await found.ask("rebirth", {"id": "same"}) == first
        assert found.telemetry.births == 1
        await found.ask("ping", {"id": "sets-clock", "args": {"time": 1_900_000_000_000}})
        with sqlite3.connect(tmp_path / "app.db") as database:
            assert database.execute("SELECT id FROM commands").fetchall() == [("sets-clock",)]

    run(tmp_path, scenario)


def test_of_what_changes_nothing_only_the_latest_hundred_are_known(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        for number in range(101):
            await found.ask("rebirth", {"id": str(number)})
        await found.ask("rebirth", {"id": "100"})
        assert found.telemetry.births == 101
        await found.ask("rebirth", {"id": "0"})
        assert found.telemetry.births == 102

    run(tmp_path, scenario)


def test_an_id_cannot_be_used_for_something_else(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        await found.ask("ping", {"id": "one"})
        answer = await found.ask("reload_config", {"id": "one"})
        assert (answer.code, "another command" in answer.msg) == (400, True)

    run(tmp_path, scenario)


def test_a_command_is_on_the_disk_before_the_broker_may_forget_it(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        seen: list[int] = []

        def acknowledge() -> None:
            with sqlite3.connect(tmp_path / "app.db") as database:
                seen.append(database.execute("SELECT count(*) FROM commands WHERE id = 'r1'").fetchone()[0])

        topic = TOPICS.own("cmd/reload_config")
        message = Incoming(topic, b'{"id":"r1"}', response_topic=HUB, acknowledge=acknowledge)
        await found.inbox.received(message, found.hub)
        assert seen == [1]

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("age", "ttl", "clock", "status"),
    [(61, 60, "set", "expired"), (59, 60, "set", "ok"), (3600, 0, "set", "ok"), (61, 60, "unset", "ok")],
)
def test_what_comes_too_late_is_not_carried_out_unless_the_clock_is_not_set(
    tmp_path: Path, age: int, ttl: int, clock: str, status: str
) -> None:
    async def scenario(found: Device) -> None:
        found.telemetry.time.synced = clock == "set"
        made = round((found.telemetry.time.time - age) * 1000)
        answer = await found.ask("ping", {"ts": made, "ttl_s": ttl})
        assert answer.status == status
        assert answer.code == (408 if status == "expired" else 200)

    run(tmp_path, scenario)


def test_the_hub_can_set_the_clock_of_a_device_that_has_no_time(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        found.telemetry.time.synced = False
        answer = await found.ask("ping", {"args": {"time": 1_900_000_000_000}})
        assert (answer.result["ts"], answer.result["ts_q"]) == (1_900_000_000_000, "hub")

    run(tmp_path, scenario)


def test_what_a_restart_has_cut_off_is_answered_or_taken_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with device(tmp_path, Hub(away=True)) as found:
            node = found.node
            many = "edgewise/v1/_all/cmd/"
            for name in ("restart_engine", "reload_config"):
                await found.send(name, {"id": name, "args": {"spread_s": 500}}, topic=many + name)
            await found.inbox.close()
            async with following(node, Hub()) as after:
                marks = counting(after)
                await until(lambda: len(after.hub.answers()) == 2)
                answers = {answer.id: answer for answer in after.hub.answers()}
            cut = answers["restart_engine"]
            assert (cut.status, cut.code, "restarted" in cut.msg) == ("error", 500, True)
            assert (answers["reload_config"].status, len(marks)) == ("ok", 1)

    asyncio.run(scenario())


def test_a_command_that_cannot_be_noted_is_not_carried_out(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        marks = counting(found)
        with sqlite3.connect(tmp_path / "app.db") as database:
            database.execute("DROP TABLE commands")
        answer = await found.ask("reload_config")
        assert (answer.status, answer.code, marks) == ("error", 500, [])

    run(tmp_path, scenario)


def test_what_other_settings_there_are_now_is_said_and_followed_as_far_as_possible(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        changed = Config(state_dir=tmp_path, engine="echo", auth="open", offline=True, parallel=4, mqtt_say=7)
        found.node.reread = lambda: Resolved(changed, {})
        answer = await found.ask("reload_config")
        assert answer.result == {"changed": ["mqtt_say"], "waiting": ["parallel"]}
        assert (found.node.config.mqtt_say, found.node.config.parallel) == (7, 2)

    run(tmp_path, scenario)
