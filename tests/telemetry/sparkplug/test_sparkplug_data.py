"""Rules for edge nodes by their names in the test kit of the Sparkplug Specification 3.0.0: data and commands."""

from pathlib import Path

import pytest

from agent.telemetry.sparkplug.node import EdgeNode
from agent.telemetry.sparkplug.payload import DataType, Metric
from tests.telemetry.broker import Broker
from tests.telemetry.observer import observer
from tests.telemetry.sparkplug.edge import (
    ALL,
    NBIRTH,
    NCMD,
    NDATA,
    NDEATH,
    NOW,
    REBIRTH,
    bd_seq,
    birth,
    count,
    live,
    metrics,
    payloads,
)
from tests.telemetry.sparkplug.independent import by_name, command, decoded, sequence, value
from tests.telemetry.wire import wire


def test_tck_id_payloads_name_birth_data_requirement(mosquitto: Broker, tmp_path: Path) -> None:
    payload = decoded(birth(mosquitto.port, tmp_path))
    assert payload.timestamp == NOW
    assert {metric.timestamp for metric in payload.metrics} == {NOW}


def test_tck_id_operational_behavior_data_publish_nbirth_values_of_what_has_none(
    mosquitto: Broker, tmp_path: Path
) -> None:
    with observer(mosquitto.port, ALL) as seen:

        async def act(node: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            await node.tell(metrics(model=None))
            data = by_name((await count(seen, NDATA, 1))[0])
            assert data["model"].is_null
            assert value(data["model"]) is None

        live(mosquitto.port, tmp_path, act)


def test_tck_id_operational_behavior_data_publish_nbirth_change(mosquitto: Broker, tmp_path: Path) -> None:
    with observer(mosquitto.port, ALL) as seen:

        async def act(node: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            await node.tell(metrics())
            await node.tell(metrics(62.5))
            await node.tell(metrics(62.5))
            await node.tell(metrics(63.0))
            data = [by_name(payload) for payload in await count(seen, NDATA, 2)]
            assert [{name: value(metric) for name, metric in part.items()} for part in data] == [
                {"soc_temp_c": 62.5},
                {"soc_temp_c": 63.0},
            ]

        live(mosquitto.port, tmp_path, act)


def test_tck_id_payloads_ndata_seq_inc(mosquitto: Broker, tmp_path: Path) -> None:
    with observer(mosquitto.port, ALL) as seen:

        async def act(node: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            for number in range(1, 301):
                await node.tell(metrics(float(number)))
                if number % 20 == 0:  # what the socket does not take at once is told later, with what comes then
                    await count(seen, NDATA, number)
            data = payloads(seen, NDATA)
            assert sequence(data) == [*range(1, 256), *range(45)]

        live(mosquitto.port, tmp_path, act)


def test_tck_id_payloads_ndata_qos_and_retain(mosquitto: Broker, tmp_path: Path) -> None:
    with observer(mosquitto.port, ALL) as seen:

        async def act(node: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            await node.tell(metrics(62.0))
            await count(seen, NDATA, 1)
            assert seen.messages[-1].qos == 0
            with observer(mosquitto.port, ALL) as late:
                await node.tell(metrics(63.0))
                await count(late, NDATA, 1)
                assert late.topics() == [NDATA]

        live(mosquitto.port, tmp_path, act)


def test_tck_id_topics_nbirth_metric_reqs_a_new_metric_is_born_first(mosquitto: Broker, tmp_path: Path) -> None:
    with observer(mosquitto.port, ALL) as seen:

        async def act(node: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            await node.tell([*metrics(), Metric("power_w", DataType.DOUBLE, 5.6, "W")])
            again = (await count(seen, NBIRTH, 2))[1]
            assert value(by_name(again)["power_w"]) == 5.6
            assert decoded(again).seq == 0
            assert not payloads(seen, NDATA)

        live(mosquitto.port, tmp_path, act)


def test_tck_id_operational_behavior_data_commands_rebirth_action(mosquitto: Broker, tmp_path: Path) -> None:
    with observer(mosquitto.port, ALL) as seen:

        async def act(node: EdgeNode) -> None:
            first = (await count(seen, NBIRTH, 1))[0]
            await node.tell(metrics(62.0))
            await count(seen, NDATA, 1)
            seen.publish(NCMD, REBIRTH)
            again = (await count(seen, NBIRTH, 2))[1]
            await node.tell(metrics(63.0))
            data = await count(seen, NDATA, 2)
            assert bd_seq(again) == bd_seq(first)
            assert by_name(again).keys() == by_name(first).keys()
            assert value(by_name(again)["soc_temp_c"]) == 62.0
            assert (decoded(again).seq, *sequence(data)) == (0, 1, 1)

        live(mosquitto.port, tmp_path, act)


@pytest.mark.parametrize(
    "payload", [b"nonsense", command(("Node Control/Rebirth", False)), command()], ids=["nonsense", "false", "nothing"]
)
def test_tck_id_operational_behavior_data_commands_ncmd_rebirth_value_nothing_else_is_one(
    mosquitto: Broker, tmp_path: Path, payload: bytes
) -> None:
    with observer(mosquitto.port, ALL) as seen:

        async def act(node: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            seen.publish(NCMD, payload)
            seen.publish(NCMD, REBIRTH)
            await count(seen, NBIRTH, 2)
            await node.tell(metrics(62.0))
            await count(seen, NDATA, 1)
            assert len(payloads(seen, NBIRTH)) == 2

        live(mosquitto.port, tmp_path, act)


def test_tck_id_payloads_ndata_order_after_a_lost_connection(mosquitto: Broker, tmp_path: Path) -> None:
    with wire(mosquitto.port) as line, observer(mosquitto.port, ALL) as seen:

        async def act(node: EdgeNode) -> None:
            await count(seen, NBIRTH, 1)
            line.cut()
            await count(seen, NDEATH, 1)
            await node.tell(metrics(70.0))  # nobody hears it
            line.mend()
            again = (await count(seen, NBIRTH, 2))[1]
            await node.tell(metrics(71.0))
            await count(seen, NDATA, 1)
            assert value(by_name(again)["soc_temp_c"]) == 70.0
            assert seen.topics() == [NBIRTH, NDEATH, NBIRTH, NDATA]

        live(line.port, tmp_path, act)
