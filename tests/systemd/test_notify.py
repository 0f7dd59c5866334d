"""What systemd is told, over a real socket."""

from pathlib import Path

import pytest

from agent.config import supervision
from agent.notify import Notifier, Supervision
from tests.systemd.listening import manager


def test_variables_go_out_in_one_message_one_line_each(tmp_path: Path) -> None:
    with manager(str(tmp_path / "notify")) as systemd:
        Notifier(systemd.address).send(READY=1, STATUS="Serving\nSTOPPING=1")
        assert systemd.message() == {"READY": "1", "STATUS": "Serving STOPPING=1"}


def test_an_abstract_socket_is_reached(tmp_path: Path) -> None:
    with manager(f"@edgewise-test-{tmp_path.name}") as systemd:
        Notifier(systemd.address).send(READY=1)
        assert systemd.message() == {"READY": "1"}


def test_a_manager_that_is_gone_harms_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier(str(tmp_path / "nobody")).send(WATCHDOG=1)
    assert "systemd cannot be told WATCHDOG" in caplog.text


def test_a_full_queue_is_not_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with manager(str(tmp_path / "notify")) as systemd:
        for _ in range(1000):
            Notifier(systemd.address).send(STATUS="x" * 1000)
    assert "cannot be told STATUS" in caplog.text


def test_without_systemd_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    Notifier("").send(READY=1)
    assert not caplog.records


def test_the_environment_says_where_and_how_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert supervision() == Supervision("/run/systemd/notify", 30.0)


def test_a_watchdog_of_another_process_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert supervision() == Supervision("", 0.0)
