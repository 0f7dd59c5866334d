"""`edgewise fleet` with a real broker and simulated devices."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from agent.telemetry.payloads import Command, State
from tests.cli.running import COMMAND, Terminal, edgewise
from tests.fleet.sim import Device, encode, now
from tests.fleet.standing import Stand, stand
from tests.telemetry.broker import Broker, broker
from tests.telemetry.observer import observer
from tests.web.daemon import ROOT, environment


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="module")
def devices(mosquitto: Broker) -> Iterator[Stand]:
    with stand(mosquitto.port) as there:
        there.add(Device("pi-kitchen", "Kitchen", ["pilot"]))
        there.add(Device("pi-hall", "厨房\x1b[31m的树莓派", ["pilot", "hall"])).tell(soc_temp_c=84.0, throttled=1)
        yield there


def fleet(home: Path, mosquitto: Broker, *arguments: str) -> subprocess.CompletedProcess[str]:
    return edgewise(home, "fleet", arguments[0], "--broker", mosquitto.url, *arguments[1:])


@contextmanager
def following(home: Path, mosquitto: Broker, *flags: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `fleet watch` on a pipe."""
    command = [*COMMAND, "fleet", "watch", "--broker", mosquitto.url, *flags]
    process = subprocess.Popen(command, cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, text=True)
    stop = threading.Timer(20, process.kill)
    stop.start()
    try:
        yield process
    finally:
        stop.cancel()
        process.kill()
        process.communicate()


def until(process: "subprocess.Popen[str]", text: str) -> str:
    """Return the first line with some text."""
    assert process.stdout
    return next((line for line in process.stdout if text in line), "")


@pytest.mark.usefixtures("devices")
def test_a_list_shows_every_device_with_those_in_trouble_first(tmp_path: Path, mosquitto: Broker) -> None:
    done = fleet(tmp_path, mosquitto, "watch", "--once")
    assert (done.returncode, done.stderr) == (0, "")
    head, first, second, *_, summary = done.stdout.splitlines()
    assert " ".join(head.split()) == "STATUS NAME MODEL TOK/S TEMP QUEUE WAIT LOST SEEN AGENT DEVICE"
    assert first.startswith("online    厨房")
    assert "84°!" in first
    assert second.startswith("online    Kitchen")
    assert "qwen3.5-2b" in second
    assert second.endswith("pi-kitchen")
    assert summary.startswith("2 devices: 2 online")
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 120


@pytest.mark.usefixtures("devices")
def test_json_has_each_device_by_its_id(tmp_path: Path, mosquitto: Broker) -> None:
    rows = msgspec.json.decode(fleet(tmp_path, mosquitto, "watch", "--once", "--json").stdout)
    assert [row["id"] for row in rows] == ["pi-hall", "pi-kitchen"]
    assert rows[1]["name"] == "Kitchen"
    assert (rows[0]["temperature"], rows[0]["throttled"], rows[0]["status"]) == (84.0, True, "online")


def test_a_broker_without_devices_and_a_place_without_a_broker_are_told_apart(
    tmp_path: Path, mosquitto: Broker
) -> None:
    nobody = fleet(tmp_path, mosquitto, "watch", "--once", "--prefix", "other")
    assert (nobody.returncode, nobody.stdout) == (1, "No device has reported to this broker below other/.\n")
    nothing = edgewise(tmp_path, "fleet", "watch", "--once", "--broker", "mqtt://127.0.0.1:9")
    assert nothing.returncode == 2
    assert "Nobody listens at 127.0.0.1:9." in nothing.stderr
    unknown = edgewise(tmp_path, "fleet", "watch", "--once")
    assert (unknown.returncode, unknown.stderr.splitlines()[0]) == (2, "edgewise: No broker is known.")


def test_on_a_pipe_each_event_is_a_line_and_a_repeated_one_is_not(tmp_path: Path, mosquitto: Broker) -> None:
    with following(tmp_path, mosquitto) as process, stand(mosquitto.port) as there:
        device = there.add(Device("pi-events"))
        assert "online" in until(process, "pi-events")
        there.do(device.happen("throttled", celsius=85))
        device.seq -= 1
        there.do(device.happen("throttled", celsius=85))
        device.seq += 4
        there.do(device.happen("gap", boot="b1", **{"from": 2, "to": 4}, reason="full"))
        assert until(process, "pi-events").endswith('pi-events  throttled {"celsius":85}\n')
        assert until(process, "pi-events").endswith("pi-events  gap: b1 2-4 (full)\n")
        there.cut(device)
        assert until(process, "pi-events").endswith("offline\n")


def test_a_device_in_json_lines_has_its_books(tmp_path: Path, mosquitto: Broker) -> None:
    with following(tmp_path, mosquitto, "--json") as process, stand(mosquitto.port) as there:
        device = there.add(Device("pi-books"))
        assert until(process, "pi-books")
        there.do(device.report({"tok_s": 1.5}))
        device.seq += 2
        there.do(device.report({"tok_s": 2.5}))
        row = msgspec.json.decode(until(process, '"received":2'))
        assert (row["missing"], row["holes"], row["tok_s"]) == (2, [["b1", 2, 3]], 2.5)


def test_on_a_terminal_the_table_is_drawn_again_page_by_page_and_leaves_no_trace(
    tmp_path: Path, mosquitto: Broker
) -> None:
    names = [f"pi-page-{number}" for number in range(8)]
    with stand(mosquitto.port) as there:
        there.add(Device("pi-page-7", "Seven")).tell()
        for name in names[:-1]:
            there.add(Device(name))
        with screen(tmp_path, mosquitto, rows=10) as terminal:
            terminal.wait_for("\x1b[?1049h")
            terminal.wait_for("1-6 of")
            assert "\x1b[3" not in terminal.screen
            terminal.type(" ")
            terminal.wait_for("7-")
            terminal.wait_for("Seven")
            there.add(Device("pi-page-9", "Newcomer"))
            terminal.type("b")
            terminal.wait_for("1-6 of")
            terminal.type("q")
            terminal.wait_for("\x1b[?1049l")
            assert terminal.process.wait(10) == 0


def test_the_screen_says_that_the_broker_is_gone_and_ctrl_c_gives_the_terminal_back(tmp_path: Path) -> None:
    with broker(tmp_path) as passing, screen(tmp_path, passing, rows=10) as terminal:
        terminal.wait_for("0 devices")
        passing.stop()
        terminal.wait_for("Nobody listens")
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_for("\x1b[?1049l")
        assert terminal.process.wait(10) == 130


@contextmanager
def screen(home: Path, mosquitto: Broker, rows: int) -> Iterator[Terminal]:
    """Run `fleet watch` in a terminal of 80 columns, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, "fleet", "watch", "--broker", mosquitto.url],
        cwd=ROOT,
        env={**environment(home), "TERM": "xterm", "NO_COLOR": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.usefixtures("devices")
def test_a_command_is_answered_with_its_result(tmp_path: Path, mosquitto: Broker) -> None:
    done = fleet(tmp_path, mosquitto, "send", "pi-kitchen", "ping", "count=3", "word=two words")
    assert (done.returncode, done.stderr) == (0, "")
    result = msgspec.json.decode(done.stdout)
    assert (result["count"], result["word"]) == (3, "two words")


@pytest.mark.usefixtures("devices")
def test_a_long_command_shows_how_far_it_is(tmp_path: Path, mosquitto: Broker) -> None:
    done = fleet(tmp_path, mosquitto, "send", "pi-kitchen", "set_model", "--json", '{"model": "qwen"}')
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [
        "pi-kitchen  accepted",
        "pi-kitchen  progress  loading",
        "pi-kitchen  ok  qwen serves",
    ]


@pytest.mark.usefixtures("devices")
def test_a_group_answers_one_by_one(tmp_path: Path, mosquitto: Broker) -> None:
    done = fleet(tmp_path, mosquitto, "send", "group:pilot", "ping")
    assert done.returncode == 0
    assert sorted(line.split()[:2] for line in done.stdout.splitlines()) == [["pi-hall", "ok"], ["pi-kitchen", "ok"]]
    alone = fleet(tmp_path, mosquitto, "send", "group:hall", "ping")
    assert [line.split()[0] for line in alone.stdout.splitlines()] == ["pi-hall"]


@pytest.mark.usefixtures("devices")
def test_the_exit_status_tells_rejection_from_silence_from_misuse(tmp_path: Path, mosquitto: Broker) -> None:
    rejected = fleet(tmp_path, mosquitto, "send", "pi-kitchen", "dance")
    assert (rejected.returncode, rejected.stderr) == (1, "pi-kitchen  rejected  There is no command dance.\n")
    silent = fleet(tmp_path, mosquitto, "send", "pi-kitchen", "silence", "--wait", "0.5")
    assert (silent.returncode, silent.stderr) == (3, "No answer within 0.5 s: pi-kitchen\n")
    gone = fleet(tmp_path, mosquitto, "send", "pi-nowhere", "ping", "--wait", "0.5")
    assert gone.returncode == 3
    assert "pi-nowhere is not known to this broker" in gone.stderr
    wrong = fleet(tmp_path, mosquitto, "send", "pi-kitchen", "ping", "count")
    assert (wrong.returncode, wrong.stderr) == (2, "edgewise: 'count' is not KEY=VALUE.\n")
    forged = fleet(tmp_path, mosquitto, "send", "+", "ping")
    assert forged.returncode == 2


@pytest.mark.usefixtures("devices")
def test_a_command_says_where_its_answer_goes_and_how_long_it_is_good(tmp_path: Path, mosquitto: Broker) -> None:
    with observer(mosquitto.port, "edgewise/v1/pi-kitchen/cmd/+") as hub:
        fleet(tmp_path, mosquitto, "send", "pi-kitchen", "ping", "--ttl", "7")
        (message,) = hub.messages
    command = msgspec.json.decode(message.payload, type=Command)
    assert vars(message.properties) | {
        "ResponseTopic": "edgewise/v1/pi-kitchen/rsp/ping",
        "CorrelationData": command.id.encode(),
        "MessageExpiryInterval": 7,
    } == vars(message.properties)
    assert (message.retain, command.ttl_s, command.by.startswith("edgewise fleet send on ")) == (False, 7.0, True)


def test_a_large_fleet_is_listed_as_a_whole(tmp_path: Path) -> None:
    fleet_of = [Device(f"pi-{number:04}") for number in range(1500)]
    with broker(tmp_path) as crowded, stand(crowded.port) as there:
        first = there.add(fleet_of[0])
        for device in fleet_of[1:]:
            there.do(first.client.publish(device.topics.own("status"), b"online", retain=True))
            first.client.offer(device.topics.own("birth"), encode(device.birth()), retain=True)
            first.client.offer(device.topics.own("state"), encode(State(now(), device.values())), retain=True)
        there.do(first.client.publish("end", b""))
        rows = msgspec.json.decode(fleet(tmp_path, crowded, "watch", "--once", "--json").stdout)
    assert [row["id"] for row in rows] == [device.id for device in fleet_of]
    assert {(row["status"], row["agent"], row["tok_s"] is None) for row in rows} == {("online", "0.1.0", False)}
