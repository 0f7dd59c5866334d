"""The desired state: merged, kept, applied key by key, and answered with how the device is."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.telemetry.desired import Desired
from agent.telemetry.message import Incoming
from agent.telemetry.payloads import Reported
from agent.telemetry.wanted import merged
from tests.telemetry.commanding import TOPICS, Device, device, until


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    before = logging.getLogger().level
    logging.getLogger().setLevel(logging.INFO)
    yield
    logging.getLogger().setLevel(before)


class Followed:
    """A device that follows a desired state, and what it reports."""

    def __init__(self, found: Device, desired: Desired) -> None:
        self.device, self.desired = found, desired
        self.acknowledged = 0

    async def send(self, rev: int, state: dict[str, Any]) -> None:
        await self.raw(msgspec.json.encode({"rev": rev, "state": state}))

    async def raw(self, payload: bytes) -> None:
        def acknowledge() -> None:
            self.acknowledged += 1

        await self.desired.received(
            Incoming(TOPICS.own("desired"), payload, retain=True, acknowledge=acknowledge), self.device.hub
        )

    def reports(self) -> list[Reported]:
        messages = self.device.hub.messages
        assert all(message.retain and message.topic == TOPICS.own("reported") for message in messages)
        return [msgspec.json.decode(message.payload, type=Reported) for message in messages]

    async def done(self, rev: int) -> Reported:
        """Wait until a revision is applied or has failed."""
        await until(lambda: any(r.rev == rev and (r.ok or r.errors) for r in self.reports()))
        return self.reports()[-1]


@asynccontextmanager
async def followed(state: Path, **settings: Any) -> AsyncIterator[Followed]:  # noqa: ANN401 - those of Config
    async with device(state, **settings) as found, following(found) as desired:
        yield Followed(found, desired)


@asynccontextmanager
async def following(found: Device) -> AsyncIterator[Desired]:
    desired = Desired(found.node, found.telemetry, TOPICS)
    await desired.open()
    await desired.connected(found.hub)
    try:
        yield desired
    finally:
        await desired.close()


@pytest.mark.parametrize(
    ("state", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "foo"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_patches_are_merged_as_the_standard_has_it(
    state: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]
) -> None:
    assert merged(state, patch) == result  # the examples of RFC 7386, appendix A, that are objects


def test_what_is_desired_is_applied_and_reported(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with followed(tmp_path) as it:
            state = {"name": "Kitchen", "prefer": "speed", "log_level": "warning", "telemetry": {"interval_s": 60}}
            await it.send(3, state)
            report = await it.done(3)
            assert (report.ok, report.errors) == (True, {})
            assert state.items() <= report.state.items()
            node = it.device.node
            assert (node.name, node.config.prefer, it.device.telemetry.interval) == ("Kitchen", "speed", 60)
            assert logging.getLogger().level == logging.WARNING
            assert it.acknowledged == 1

    asyncio.run(scenario())


def test_each_key_fails_for_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with followed(tmp_path) as it:
            wrong = {"prefer": "best", "colour": 1, "telemetry": {"interval_s": 0}, "model": "x"}
            await it.send(1, {"name": "Hall", **wrong})
            report = await it.done(1)
            assert not report.ok
            assert set(report.errors) == set(wrong)
            assert "interval_s" in report.errors["telemetry"]
            assert (report.state["name"], it.device.telemetry.interval) == ("Hall", 10.0)

    asyncio.run(scenario())


def test_older_revisions_are_ignored_and_known_ones_answered_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with followed(tmp_path) as it:
            await it.send(5, {"name": "New"})
            await it.done(5)
            count = len(it.reports())
            await it.send(4, {"name": "Old"})
            await it.send(5, {"name": "Other"})
            await until(lambda: len(it.reports()) >= count + 1)
            assert it.reports()[-1].rev == 5
            await it.send(6, {"prefer": "speed"})
            await it.done(6)
            assert it.device.node.name == "New"

    asyncio.run(scenario())


def test_what_is_no_longer_desired_goes_back_to_the_configuration(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with followed(tmp_path) as it:
            await it.send(1, {"telemetry": {"interval_s": 60}, "log_level": "debug"})
            await it.done(1)
            await it.send(2, {"telemetry": None, "log_level": None})
            assert (await it.done(2)).ok
            assert (it.device.telemetry.interval, logging.getLogger().level) == (10.0, logging.INFO)

    asyncio.run(scenario())


def test_it_holds_after_a_restart_but_what_people_have_changed_since_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with followed(tmp_path) as it:
            await it.send(7, {"telemetry": {"interval_s": 60}, "name": "Theirs"})
            await it.done(7)
            await it.device.node.settings.change(name="Mine")
        async with followed(tmp_path) as it:
            assert it.device.telemetry.interval == 60
            assert it.device.node.name == "Mine"
            assert it.reports()[-1].state["name"] == "Mine"
            assert it.reports()[-1].rev == 7

    asyncio.run(scenario())


def test_what_changes_on_the_device_is_reported_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with followed(tmp_path) as it:
            await it.desired.look()
            assert len(it.reports()) == 1
            await it.device.node.settings.change(name="Mine")
            await it.desired.look()
            await it.desired.look()
            assert [report.state["name"] for report in it.reports()][1:] == ["Mine"]

    asyncio.run(scenario())


def test_what_was_cut_off_is_applied_after_the_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with device(tmp_path) as found:
            async with following(found) as desired:
                it = Followed(found, desired)
                await it.send(2, {"name": "Kitchen"})
            assert found.node.name != "Kitchen", "it was cut off before it was applied"
            async with following(found):
                await until(lambda: found.node.name == "Kitchen")

    asyncio.run(scenario())


def test_a_device_without_an_owner_waits_for_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with followed(tmp_path, auth="accounts") as it:
            await it.send(1, {"name": "Stolen"})
            await it.desired.look()
            await asyncio.sleep(0.05)
            assert it.device.node.name != "Stolen"
            assert not it.reports()[-1].ok
            claim = await it.device.node.security.claim.code()
            assert claim
            await it.device.node.security.claim_device(claim.text, "ann", "long enough 1", agent="", address="::1")
            await it.desired.look()
            assert (await it.done(1)).ok
            assert it.device.node.name == "Stolen"

    asyncio.run(scenario())


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"rev":"x","state":{}}', b"\xff", b'{"a":' * 20_000])
def test_what_cannot_be_read_is_said_and_changes_nothing(tmp_path: Path, payload: bytes) -> None:
    async def scenario() -> None:
        async with followed(tmp_path) as it:
            await it.raw(payload)
            await until(lambda: it.reports()[-1].errors)
            assert (it.acknowledged, list(it.reports()[-1].errors)) == (1, ["*"])

    asyncio.run(scenario())


def test_taking_it_back_from_the_broker_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with followed(tmp_path) as it:
            await it.send(1, {"name": "Kitchen"})
            await it.done(1)
            await it.raw(b"")
            assert (it.device.node.name, it.acknowledged) == ("Kitchen", 2)

    asyncio.run(scenario())
