"""The clock starts in 1970, jumps to the present, and an hour back, while the device runs and between its lives."""

import ssl
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from agent.known_time import WRITTEN
from tests.faults.clock import HOUR, Clock
from tests.faults.device import Device, device
from tests.faults.table import Table
from tests.telemetry.reporting import place
from tests.web.daemon import ROOT, environment, eventually
from tests.web.settings.visiting import Visitor, visiting

PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
DAY = 24 * HOUR
YOUNG = 300.0  # seconds after the beginning of 1970


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(tmp_path, monkeypatch)


def claim(device_: Device, visitor: Visitor) -> None:
    """Become the owner, with the code that the terminal shows."""
    edgewise = [*["python", "-c"], "from agent.cli import main; main()", "claim-code"]
    edgewise[0] = str(ROOT / ".venv/bin/python")
    told = subprocess.run(
        [*edgewise, "--state-dir", str(device_.state)],
        cwd=ROOT,
        env=environment(device_.state),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    code = next(word for word in told.split() if len(word) == 9 and word[4] == "-")
    visitor.send("/claim", "/claim", code=code, name="Ada", password=PASSWORD)
    assert visitor.response.status_code == 200, visitor.response.text


def signed_in(visitor: Visitor) -> bool:
    """Tell whether the browser still is."""
    return "/login" not in str(visitor.http.get("/settings", follow_redirects=True).url)


def ask(visitor: Visitor, text: str) -> str:
    """Begin a conversation, and wait for its answer; returns its address."""
    visitor.send("/", "/c", text=text)
    where = visitor.path
    eventually(lambda: 'data-state="running"' not in visitor.open(where), 10)
    return where


def first(visitor: Visitor) -> str:
    """Return the address of the conversation that is on top of the list."""
    page = visitor.open("/c/list")
    return page[page.index('href="/c/') + 6 :].partition('"')[0]


@pytest.mark.chaos
def test_nobody_is_locked_out_and_nothing_gets_lost_or_out_of_order_when_the_clock_jumps(
    state: Path, clock: Clock, table: Table
) -> None:
    clock.set(YOUNG)
    with device(state, "--auth", "accounts", ready=False) as device_:
        with visiting(device_.daemon.url) as ada:
            claim(device_, ada)
            early = ask(ada, "early")
            ada.send(early, f"{early}/messages", text="and later")
            deleted = ask(ada, "deleted in 1970")
            ada.http.post(f"{deleted}/delete", data={"csrf": csrf(ada)}, follow_redirects=True)
            assert first(ada) == early
            for shift in (0.0, -HOUR, 0.0):
                clock.shift(shift)
                assert signed_in(ada), f"signed out when the clock went to {shift:+.0f} s"
                newest = ask(ada, f"at {shift:+.0f} s")
                assert first(ada) == newest or shift < 0
            assert texts(device_, early)[0::2] == ["early", "and later"]
            cookies = ada.http.cookies
        for back in (0.0, HOUR, time.time() - YOUNG, 0.0):
            device_.kill()
            clock.shift(-back)
            device_.start(ready=False)
            with visiting(device_.daemon.url) as ada:
                ada.http.cookies = cookies
                assert signed_in(ada), f"signed out by a start {back:.0f} s ago"
                newest = ask(ada, f"begun {back:.0f} s ago")
                assert first(ada) == newest or back == HOUR
                if back <= HOUR:
                    restore(ada, deleted)
                    ada.http.post(f"{deleted}/delete", data={"csrf": csrf(ada)}, follow_redirects=True)
            with visiting(device_.daemon.url, "Ada", PASSWORD) as again:
                assert signed_in(again)
        assert "Traceback" not in device_.past + device_.log()
    table.add("clock: 1970, now, an hour back, running and across restarts", lost="nothing; nobody is signed out")


def csrf(visitor: Visitor) -> str:
    page = visitor.open("/")
    return page[page.index('name="csrf" value="') + 19 :].partition('"')[0]


def restore(visitor: Visitor, where: str) -> None:
    """Take a conversation out of the bin again."""
    visitor.http.post(f"{where}/restore", data={"csrf": csrf(visitor)}, follow_redirects=True)
    assert visitor.http.get(where).status_code == 200, "it was in the bin for less than a day"


def texts(device_: Device, where: str) -> list[object]:
    """Return the messages of a conversation in their order."""
    query = "SELECT text FROM messages WHERE conversation_id = ? ORDER BY number"
    return [text for (text,) in device_.query(query, where.removeprefix("/c/"))]


@pytest.mark.chaos
def test_a_certificate_that_was_made_in_1970_serves_today_and_is_renewed_before_it_ends(
    state: Path, clock: Clock, table: Table
) -> None:
    def certificate() -> x509.Certificate:
        return x509.load_pem_x509_certificate((state / "tls-certificate.pem").read_bytes())

    clock.set(YOUNG)
    with device(state, "--tls", "self", ready=False) as device_:
        trusted = ssl.create_default_context(cafile=state / "tls-certificate.pem")
        made = certificate()
        assert httpx.get(f"{device_.daemon.url}/", verify=trusted, trust_env=False).status_code == 200
        device_.kill()
        clock.set(made.not_valid_after_utc.timestamp() - 20 * DAY)
        began = time.monotonic()
        device_.start(ready=False)
        table.add("certificate of 1970, twenty days before its end", time.monotonic() - began)
        assert certificate().not_valid_after_utc > made.not_valid_after_utc
        assert certificate().public_key() == made.public_key(), "who trusts the key goes on trusting it"


@pytest.mark.chaos
def test_reports_of_1970_are_marked_as_estimates(tmp_path: Path, clock: Clock, table: Table) -> None:
    clock.set(YOUNG)
    with place(tmp_path) as here:
        (here.folder / "state").mkdir()
        with device(here.folder / "state", *here.flags()):
            here.hub.wait(lambda: here.items("telemetry"), 20)
            assert all(item.ts_q == "est" and item.ts >= WRITTEN * 1000 for item in here.items())
            clock.shift(0.0)
            count = len(here.items())
            here.hub.wait(lambda: len(here.items()) > count + 1, 20)
            assert here.items()[-1].ts == pytest.approx(time.time() * 1000, abs=120_000)
    table.add("reports while it is 1970", lost="nothing; times are marked as estimates")
