"""Rules for edge nodes by their names in the test kit of the Sparkplug Specification 3.0.0: births."""

import asyncio
from functools import partial
from pathlib import Path

from agent.telemetry.sparkplug.node import EdgeNode
from tests.telemetry.broker import Broker
from tests.telemetry.observer import observer
from tests.telemetry.sparkplug.edge import (
    ALL,
    NBIRTH,
    NCMD,
    NDEATH,
    REBIRTH,
    bd_seq,
    birth,
    count,
    has,
    live,
    payloads,
    until_births,
)
from tests.telemetry.sparkplug.independent import BOOLEAN, by_name, decoded, value
from tests.telemetry.wire import wire


def test_tck_id_payloads_nbirth_bdseq_repeat_and_topics_nbirth_bdseq_increment(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with observer(mosquitto.port, ALL) as seen:
        for session in range(1, 4):  # each of them is another run of the daemon
            live(mosquitto.port, tmp_path, until_births(seen, session))
            seen.wait(partial(has, seen, NDEATH, session))
        assert [bd_seq(payload) for payload in payloads(seen, NBIRTH)] == [0, 1, 2]
        assert [bd_seq(payload) for payload in payloads(seen, NDEATH)] == [0, 1, 2]


def test_tck_id_topics_nbirth_bdseq_increment_counts_reconnections_and_not_failed_tries(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with wire(mosquitto.port) as line, observer(mosquitto.port, ALL) as seen:

        async def act(_: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            line.cut()
            await asyncio.sleep(0.3)  # tries fail
            line.mend()
            await count(seen, NBIRTH, 2)

        live(line.port, tmp_path, act)
        assert [bd_seq(payload) for payload in payloads(seen, NBIRTH)] == [0, 1]


def test_tck_id_message_flow_edge_node_birth_publish_nbirth_goes_on_when_the_number_cannot_be_kept(
    mosquitto: Broker, tmp_path: Path
) -> None:
    assert bd_seq(birth(mosquitto.port, tmp_path / "nowhere")) == 0


def test_tck_id_topics_nbirth_seq_num(mosquitto: Broker, tmp_path: Path) -> None:
    payload = decoded(birth(mosquitto.port, tmp_path))
    assert payload.HasField("seq")
    assert payload.seq == 0


def test_tck_id_payloads_nbirth_qos_and_retain(mosquitto: Broker, tmp_path: Path) -> None:
    with observer(mosquitto.port, ALL) as seen:

        async def act(_: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            assert seen.messages[0].qos == 0
            with observer(mosquitto.port, ALL) as late:
                seen.publish(NCMD, REBIRTH)
                await count(late, NBIRTH, 1)
                assert late.topics() == [NCMD, NBIRTH]

        live(mosquitto.port, tmp_path, act)


def test_tck_id_payloads_nbirth_rebirth_req(mosquitto: Broker, tmp_path: Path) -> None:
    metric = by_name(birth(mosquitto.port, tmp_path))["Node Control/Rebirth"]
    assert (metric.datatype, value(metric)) == (BOOLEAN, False)
    assert not metric.HasField("alias")


def test_tck_id_topics_nbirth_metrics(mosquitto: Broker, tmp_path: Path) -> None:
    found = by_name(birth(mosquitto.port, tmp_path))
    assert {name: value(metric) for name, metric in found.items()} == {
        "bdSeq": 0,
        "Node Control/Rebirth": False,
        "soc_temp_c": 61.2,
        "throttled": False,
        "queue_depth": 0,
        "model": "qwen",
    }
