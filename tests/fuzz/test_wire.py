"""The same messages as in `test_messages`, to a whole daemon, through a real broker."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.telemetry.message import Incoming
from tests.fuzz.effort import examples
from tests.fuzz.test_messages import MESSAGES
from tests.telemetry.commanding import TOPICS
from tests.telemetry.observer import eventually
from tests.telemetry.reporting import OWN, Place, place, reporting
from tests.web.daemon import Daemon

pytestmark = pytest.mark.fuzz
_MOST_GROWTH = 40 << 20  # bytes
_PLACES = ("/cmd/", "/desired", "/job/j1")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Daemon]]:
    with place(tmp_path_factory.mktemp("wire")) as here, reporting(here) as device:
        here.hub.wait(lambda: f"{OWN}/reported" in here.hub.topics())
        yield here, device


def memory(device: Daemon) -> int:
    """Return the bytes that a daemon has in memory."""
    with open(f"/proc/{device.process.pid}/statm") as file:  # noqa: PTH123 - of another process
        return int(file.read().split()[1]) * 4096


def properties(message: Incoming) -> Properties:
    """Return what a message says of itself, and a hundred things beside."""
    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    made.UserProperty = [("key", "value" * number) for number in range(100)]
    made.CorrelationData = message.correlation
    if message.response_topic and not set(message.response_topic) & set("#+\0"):
        made.ResponseTopic = message.response_topic[:60_000]
    return made


@given(message=MESSAGES.filter(lambda message: any(place in message.topic for place in _PLACES)))
@examples(20)
def test_whatever_comes_over_the_wire_is_taken(running: tuple[Place, Daemon], message: Incoming) -> None:
    here, device = running
    topic = message.topic.replace(TOPICS.own(""), f"{OWN}/")
    here.hub._client.publish(topic, message.payload, 1, properties=properties(message)).wait_for_publish(10)
    assert device.process.poll() is None


def test_after_all_that_the_device_answers_and_is_no_larger(running: tuple[Place, Daemon]) -> None:
    here, device = running
    assert eventually(lambda: here.ask("ping").status == "ok", 60)  # not while four others are carried out
    before = memory(device)
    for number in range(0, 2000, 20):
        here.hub.send(f"{OWN}/cmd/nonsense", b'{"args":' + b"[" * number + b"}", reply="nowhere")
    assert eventually(lambda: here.ask("ping").status == "ok", 60)
    assert memory(device) - before < _MOST_GROWTH
    assert "Traceback" not in here.log()
