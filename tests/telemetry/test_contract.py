"""What a fleet may rely on, over the wire: a whole daemon, a real broker, an independent hub."""

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.telemetry.linking import DEVICE
from tests.telemetry.observer import eventually, observer
from tests.telemetry.reporting import KINDS, OWN, Place, place, properties, reporting
from tests.telemetry.test_schema import validate
from tests.web.daemon import Daemon


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("contract"), "max_queued_messages 0") as found:
        yield found


@pytest.fixture(scope="module")
def device(here: Place) -> Iterator[Daemon]:
    """One daemon for all tests of this file, which leave it connected."""
    with reporting(here) as running:
        here.hub.wait(lambda: f"{OWN}/reported" in here.hub.topics())
        yield running


def test_a_device_says_that_it_is_there_then_who_it_is_then_how_it_does(device: Daemon, here: Place) -> None:
    assert device.process.poll() is None
    first = list(dict.fromkeys(topic for topic in here.hub.topics() if topic.startswith((OWN, "homeassistant/"))))
    expected = [f"{OWN}/status", f"{OWN}/birth", f"homeassistant/device/{DEVICE}/config", f"{OWN}/state"]
    assert first[:4] == expected
    assert here.statuses()[0] == "online"


def test_all_that_it_says_is_as_the_schema_promises(device: Daemon, here: Place) -> None:
    assert device.ask("hello").status_code == 200
    here.wait_for_news("state")
    seen = set()
    for message in list(here.hub.messages):
        name = message.topic.removeprefix(f"{OWN}/")
        if name in {"birth", "state", "reported", *KINDS}:
            validate(json.loads(message.payload), "topics", name)
            seen.add(name)
    assert {"birth", "state", "reported", "event"} <= seen


def test_the_birth_tells_what_the_state_speaks_of(device: Daemon, here: Place) -> None:
    assert device.process.poll() is None
    here.wait_for_news("state")
    birth, state = here.newest("birth"), here.newest("state")
    assert birth["id"] == DEVICE
    assert set(state["values"]) <= set(birth["metrics"])
    assert {"ping", "set_model", "restart_engine", "rebirth", "diagnostics"} <= set(birth["cmds"])


def test_who_comes_later_is_told_what_lasts_and_nothing_else(device: Daemon, here: Place) -> None:
    assert device.process.poll() is None
    with observer(here.broker.port, f"{OWN}/#") as late:
        late.wait(lambda: {f"{OWN}/{name}" for name in ("status", "birth", "state", "reported")} <= set(late.topics()))
        retained = {message.topic.removeprefix(f"{OWN}/") for message in late.messages if message.retain}
        state = next(message for message in late.messages if message.topic == f"{OWN}/state")
    assert retained == {"status", "birth", "state", "reported"}
    assert 0 < properties(state)["MessageExpiryInterval"] <= 3, "three intervals"


def test_a_command_is_answered_with_the_mark_of_whoever_asks(device: Daemon, here: Place) -> None:
    assert device.process.poll() is None
    here.hub.publish(f"{OWN}/cmd/ping", '{"id": "p1"}', reply="hub/1")
    here.hub.wait(lambda: here.answers("hub/1"))
    answer = next(message for message in here.hub.messages if message.topic == "hub/1")
    assert here.answers("hub/1")[0].id == "p1"
    assert properties(answer)["CorrelationData"] == b"1".hex()


@pytest.mark.parametrize(
    ("name", "payload", "outcome"),
    [
        ("zzz", b"{}", ("rejected", 404)),
        ("ping", b'{"args": {"colour": "red"}}', ("rejected", 400)),
        ("set_model", b'{"args": {"model": 7}}', ("rejected", 400)),
        ("ping", b"\xff\xfe", ("rejected", 400)),
        ("ping", b"", ("rejected", 400)),
        ("ping", b"[" * 60_000, ("rejected", 400)),
        ("ping", b"x" * 100_000, ("rejected", 400)),
    ],
    ids=["unknown", "unknown argument", "wrong type", "no text", "empty", "deep", "long"],
)
def test_what_cannot_be_carried_out_is_rejected(
    device: Daemon, here: Place, name: str, payload: bytes, outcome: tuple[str, int]
) -> None:
    assert device.process.poll() is None
    answer = here.ask(name, payload)
    assert ((answer.status, answer.code), bool(answer.msg)) == (outcome, True)


def test_the_same_id_is_carried_out_once_and_answered_twice(device: Daemon, here: Place) -> None:
    assert device.process.poll() is None
    births = len(here.hub.payloads(f"{OWN}/birth"))
    answers = [here.ask("rebirth", {"id": "once"}) for _ in range(2)]
    here.wait_for_news("state")
    assert answers[0] == answers[1]
    assert len(here.hub.payloads(f"{OWN}/birth")) == births + 1


def test_a_client_of_the_older_protocol_finds_its_answer_under_the_usual_topic(device: Daemon, here: Place) -> None:
    assert device.process.poll() is None
    with observer(here.broker.port, f"{OWN}/rsp/+", version5=False) as old:
        old.publish(f"{OWN}/cmd/ping", '{"id": "old"}')
        old.wait(lambda: any('"old"' in payload for payload in old.payloads(f"{OWN}/rsp/ping")))


def test_the_desired_state_is_followed_and_reported(device: Daemon, here: Place) -> None:
    assert device.process.poll() is None
    here.hub.publish(f"{OWN}/desired", '{"rev": 1, "state": {"name": "Kitchen"}}', retain=True)
    here.hub.wait(lambda: here.newest("reported")["rev"] == 1)
    here.hub.wait(lambda: here.newest("birth")["name"] == "Kitchen")
    assert here.newest("reported")["state"]["name"] == "Kitchen"


def test_a_cable_that_is_dead_for_seconds_is_no_news_costs_no_history_and_stops_nothing(
    device: Daemon, here: Place
) -> None:
    told = len(here.statuses())
    began = here.clock()
    here.cable.freeze()
    os.kill(device.engine(), signal.SIGKILL)  # the device has a new birth to publish, which nobody acknowledges
    time.sleep(3.2)
    here.cable.cut()
    device.wait_until_ready()
    assert device.ask("Do you hear me?").status_code == 200
    here.cable.mend()
    here.hub.wait(lambda: len(here.statuses()) > told, 30)
    assert set(here.statuses()) == {"online"}
    assert here.ask("ping").status == "ok"
    here.hub.wait(lambda: any(item.event == "engine_died" for item in here.items("event")))
    here.hub.wait(lambda: len([item for item in here.items("telemetry") if began < item.ts < began + 3300]) >= 3)


def test_a_slow_cable_delays_reports_and_nothing_else(device: Daemon, here: Place) -> None:
    here.cable.drip(300)
    began = time.monotonic()
    assert device.ask("Are you slow?").status_code == 200
    assert device.http.get("/healthz").status_code == 200
    assert time.monotonic() - began < 2
    here.cable.mend()
    assert here.ask("ping").status == "ok"


def test_no_rubbish_by_any_topic_stops_a_device(device: Daemon, here: Place) -> None:
    rubbish = [
        b"",
        b"null",
        b"\xff",
        b'{"a":' * 10_000,
        b"[" * 60_000,
        b"x" * 200_000,
        b'{"rev":-1}',
        b'{"rev":1180591620717411303424,"state":{}}',
        b'{"ttl_s":1e400}',
    ]
    for name in ("desired", "job/j1", "cmd/" + "n" * 3000, "cmd/\u202e", "cmd/set_model"):
        for payload in rubbish:
            here.hub.send(f"{OWN}/{name}", payload, reply=f"{OWN}/cmd/ping")
    assert here.ask("ping").status == "ok"
    assert device.http.get("/healthz").status_code == 200
    assert here.newest("reported")["rev"] < 2, "or no later revision would count"
    assert "Traceback" not in here.log()


def test_a_thousand_commands_at_once_are_all_answered_and_hold_nobody_up(device: Daemon, here: Place) -> None:
    wanted = {f"n{number}" for number in range(1000)}
    for name in wanted:
        here.hub.send(f"{OWN}/cmd/ping", json.dumps({"id": name}), reply="flood")
    assert device.ask("Still there?").status_code == 200
    here.hub.wait(lambda: {answer.id for answer in here.answers("flood")} >= wanted, 30)


def test_nothing_came_out_of_order_or_twice_or_was_lost(device: Daemon, here: Place) -> None:
    device.process.terminate()
    here.hub.wait(lambda: here.statuses()[-1] == "offline")
    assert eventually(lambda: device.process.poll() is not None)
    for kind in KINDS:
        numbers = [item.seq for item in here.items(kind)]
        assert numbers == sorted(numbers)
    known = here.ledger()
    (boot,) = known.explained()
    missing = set(range(1, max(known.explained()[boot]) + 1)) - known.explained()[boot]
    assert missing == set() or min(missing) > max(item.seq for item in here.items("telemetry"))
