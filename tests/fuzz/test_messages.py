"""A hub, or whoever gets at the broker, sends anything at all: it is answered or ignored, and the next one counts."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Config, engine_environment
from agent.node import Node
from agent.telemetry.clock import Clock
from agent.telemetry.message import Incoming
from agent.telemetry.orders import Orders
from agent.telemetry.outbox import Limits, Outbox
from tests.fuzz.effort import examples, found
from tests.telemetry.commanding import TOPICS, Hub, Telemetry
from tests.telemetry.fake_time import FakeTime

COMMANDS = [
    "ping",
    "bench",
    "say",
    "set_model",
    "pull_model",
    "restart_engine",
    "diagnostics",
    "nonsense",
    "",
    "cmd/ping",
]
OWN = TOPICS.own("")
PLACES = st.sampled_from(
    [
        *(f"{OWN}cmd/{name}" for name in COMMANDS),
        *("edgewise/v1/_all/cmd/ping", "edgewise/v1/_grp/x/cmd/say", f"{OWN}desired", f"{OWN}job/j1", f"{OWN}job/"),
        *("", "/", "cmd", "edgewise/v1/other/cmd/ping", "homeassistant/status", f"{OWN}job/a/b", f"{OWN}job/\x07"),
    ]
)
FIELDS = [
    "id",
    "ts",
    "ttl_s",
    "args",
    "by",
    "rev",
    "state",
    "type",
    "artifact",
    "health",
    "window",
    "url",
    "size",
    "sig",
]
FIELDS += ["model", "name", "use", "telemetry", "interval_s", "prompt", "spread_s", "reference", "prompts", "unknown"]
NUMBERS = st.sampled_from([0, -1, 1, 2**31, 2**53, 2**63, 2**64, 2**70, -(2**70), 10**400, 1e308, -1e308, 0.5])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["model_update", "auto"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=12,
)
SOUND = st.sampled_from(
    [
        {"id": "a", "ts": 1, "ttl_s": 5, "args": {}, "by": "hub"},
        {"rev": 1, "state": {"name": "x", "telemetry": {"interval_s": 5}}},
        {"type": "model_update", "rev": 1, "artifact": {"url": "http://127.0.0.1:9/a.gguf", "sha256": "0" * 64}},
    ]
)
PAYLOADS = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(
        lambda sound, name, value: json.dumps({**sound, name: value}).encode(), SOUND, st.sampled_from(FIELDS), JSON
    )
    | st.builds(
        lambda value, place, byte: _spoilt(json.dumps(value).encode(), place, byte),
        JSON,
        st.integers(0),
        st.binary(max_size=3),
    )
)
MESSAGES = st.builds(
    Incoming,
    PLACES,
    PAYLOADS,
    retain=st.booleans(),
    response_topic=st.sampled_from(["", "a", "#", "a/+", "\0", "$SYS/x", "x" * 70_000, f"{OWN}cmd/ping", "ü"]),
    correlation=st.binary(max_size=20),
)


def _spoilt(text: bytes, place: int, more: bytes) -> bytes:
    at = place % (len(text) + 1)
    return text[:at] + more + text[at + len(more) // 2 :]


@dataclass
class Device:
    """A device that takes orders; `broken` is what went wrong in its tasks."""

    node: Node
    orders: Orders
    hub: Hub
    broken: list[str] = field(default_factory=list)

    async def take(self, message: Incoming) -> None:
        """Hand over a message, and wait until all that it has begun at once is done."""
        acknowledged: list[bool] = []
        whole = Incoming(
            message.topic,
            message.payload,
            message.retain,
            message.response_topic,
            message.correlation,
            lambda: acknowledged.append(True),
        )
        await self.orders.received(whole, self.hub)
        assert acknowledged == [True], "the broker would send it again for ever"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del self.hub.messages[:-50]

    async def lives(self) -> None:
        """Check that it follows a sound command."""
        before = len(self.hub.messages)
        await self.orders.received(Incoming(f"{OWN}cmd/ping", b"{}", response_topic="alive"), self.hub)
        async with asyncio.timeout(10):
            while not any(sent.topic == "alive" for sent in self.hub.messages[before:]):  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.001)
        assert not self.broken


@asynccontextmanager
async def following(state: Path) -> AsyncIterator[Device]:
    """Run a device that knows the time and does what it is told, but has neither an engine nor a network."""
    config = Config(state_dir=state, engine="echo", auth="open", offline=True, fetch_models=False)
    node = Node(config, engine_environment())
    await node.open()
    time = FakeTime()
    reports = Telemetry(time, Clock(None, time))
    outbox = Outbox(state / "outbox.db", Limits(free=0), Clock(), "b1")
    await outbox.open()
    hub = Hub()
    device = Device(node, Orders(node, reports, TOPICS, outbox), hub)
    asyncio.get_running_loop().set_exception_handler(lambda _, context: device.broken.append(str(context)))
    await device.orders.open()
    await device.orders.connected(hub)
    try:
        yield device
    finally:
        await device.orders.close()
        await outbox.close()
        await node.stop()


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Device]]:
    """A device, and the loop in which it runs."""
    with asyncio.Runner() as runner:
        place = following(tmp_path_factory.mktemp("device"))
        yield runner, runner.run(place.__aenter__())
        runner.run(place.__aexit__(None, None, None))


@given(message=MESSAGES)
@examples(250)
def test_whatever_is_sent_is_taken_and_the_device_goes_on(
    device: tuple[asyncio.Runner, Device], message: Incoming
) -> None:
    runner, found = device
    runner.run(found.take(message))
    assert not found.broken


@pytest.mark.parametrize("name", found("messages"))
def test_what_once_broke_it_is_survived(device: tuple[asyncio.Runner, Device], name: str) -> None:
    runner, ready = device
    payload = found("messages")[name].read_bytes()
    for place in ("cmd/ping", "cmd/bench", "cmd/say", "desired", "job/j1"):
        runner.run(ready.take(Incoming(OWN + place, payload, response_topic="a")))
        runner.run(ready.take(Incoming(OWN + place, payload, retain=True)))


def test_after_all_that_it_does_what_it_is_told(device: tuple[asyncio.Runner, Device]) -> None:
    runner, found = device
    runner.run(found.lives())
