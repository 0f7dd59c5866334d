"""Rules for edge nodes by their names in the test kit of the Sparkplug Specification 3.0.0: connections and deaths."""

from pathlib import Path

import pytest

from agent.telemetry.sparkplug.node import EdgeNode
from tests.telemetry.broker import Broker
from tests.telemetry.fake_broker import CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, V5, V311
from tests.telemetry.observer import observer
from tests.telemetry.sparkplug.edge import (
    ALL,
    NBIRTH,
    NCMD,
    NDATA,
    NDEATH,
    REBIRTH,
    bd_seq,
    birth,
    count,
    live,
    metrics,
    of,
    packets,
    payloads,
    until_births,
)
from tests.telemetry.sparkplug.independent import decoded

CLEAN, WILL, WILL_QOS, WILL_RETAIN = 0x02, 0x04, 0x18, 0x20  # flags of CONNECT, OASIS MQTT 5.0, 3.1.2.3


@pytest.mark.parametrize("version", [V311, V5])
def test_tck_id_principles_persistence_clean_session(tmp_path: Path, version: int) -> None:
    hello = of(packets(tmp_path, version), CONNECT)[0]
    assert hello.body[7] & CLEAN
    if version == V5:
        assert b"\x11\x00\x00\x00\x00" in hello.body[10:30]  # Session Expiry Interval, 3.1.2.11.2


def test_tck_id_principles_persistence_clean_session_50_commands_for_the_absent_are_lost(
    mosquitto: Broker, tmp_path: Path
) -> None:
    birth(mosquitto.port, tmp_path)
    with observer(mosquitto.port, ALL) as seen:
        seen.publish(NCMD, REBIRTH)

        async def act(node: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            await node.tell(metrics(62.0))
            await count(seen, NDATA, 1)

        live(mosquitto.port, tmp_path, act)
        assert len(payloads(seen, NBIRTH)) == 1


def test_tck_id_payloads_ndeath_will_message_qos_and_retain(tmp_path: Path) -> None:
    flags = of(packets(tmp_path, V5), CONNECT)[0].body[7]
    assert flags & WILL
    assert flags & WILL_QOS == 0x08
    assert not flags & WILL_RETAIN


def test_tck_id_topics_ndeath_topic_and_payload(mosquitto: Broker, tmp_path: Path) -> None:
    with observer(mosquitto.port, ALL) as seen:
        live(mosquitto.port, tmp_path, until_births(seen, 1))
        seen.wait(lambda: payloads(seen, NDEATH))
        death = seen.messages[-1]
    assert (death.topic, death.qos) == (NDEATH, 1)
    assert [metric.name for metric in decoded(bytes(death.payload)).metrics] == ["bdSeq"]


def test_tck_id_payloads_ndeath_seq(mosquitto: Broker, tmp_path: Path) -> None:
    with observer(mosquitto.port, ALL) as seen:
        live(mosquitto.port, tmp_path, until_births(seen, 1))
        seen.wait(lambda: payloads(seen, NDEATH))
        assert not decoded(payloads(seen, NDEATH)[0]).HasField("seq")


@pytest.mark.parametrize(("kept", "following"), [("255", 0), ("41", 42), ("", 0), ("nonsense", 0), ("256", 0)])
def test_tck_id_message_flow_edge_node_birth_publish_will_message_payload_bd_seq(
    mosquitto: Broker, tmp_path: Path, kept: str, following: int
) -> None:
    (tmp_path / "sparkplug").write_text(kept)
    assert bd_seq(birth(mosquitto.port, tmp_path)) == following


def test_tck_id_message_flow_edge_node_ncmd_subscribe(tmp_path: Path) -> None:
    seen = packets(tmp_path, V5)
    kinds = [packet.kind for packet in seen.packets]
    assert kinds.index(SUBSCRIBE) < kinds.index(PUBLISH)
    wish = of(seen, SUBSCRIBE)[0].body
    assert wish[3 : 5 + len(NCMD)] == len(NCMD).to_bytes(2) + NCMD.encode()
    assert wish[-1] & 0x03 == 1


def test_tck_id_operational_behavior_edge_node_intentional_disconnect_ndeath(mosquitto: Broker, tmp_path: Path) -> None:
    with observer(mosquitto.port, ALL) as seen:

        async def act(node: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            await node.close()
            await node.tell(metrics(99.0))
            death = (await count(seen, NDEATH, 1))[0]
            assert bd_seq(death) == bd_seq(payloads(seen, NBIRTH)[0])
            assert not payloads(seen, NDATA)

        live(mosquitto.port, tmp_path, act)


def test_tck_id_payloads_ndeath_will_message_publisher_disconnect_mqtt311(tmp_path: Path) -> None:
    seen = packets(tmp_path, V311, closed=True)
    publish, leave = of(seen, PUBLISH)[-1], of(seen, DISCONNECT)[0]
    assert NDEATH.encode() in publish.body
    assert seen.packets.index(publish) < seen.packets.index(leave)


def test_tck_id_payloads_ndeath_will_message_publisher_disconnect_mqtt50(tmp_path: Path) -> None:
    seen = packets(tmp_path, V5, closed=True)
    assert NDEATH.encode() in of(seen, PUBLISH)[-1].body
    assert of(seen, DISCONNECT)[0].body[0] == 0x04


def test_the_second_connection_has_a_client_id_of_its_own_and_the_user_name_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    hello = of(packets(tmp_path, V5, password=tmp_path / "password"), CONNECT)[0].body
    assert b"\x00\x0dkitchen-1-spb" in hello
    assert hello.endswith(b"\x00\x09kitchen-1\x00\x06secret")
