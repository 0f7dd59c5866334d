"""The daemon is killed at random points: what it has promised is kept, and nothing of it is left behind."""

import random
import re
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.fake_hub import FakeHub, Fault, HubFile, running_hub
from tests.faults.device import Device, device, stop_process
from tests.faults.people import Chatter, Fetcher, busy
from tests.faults.table import Table
from tests.selecting import small_model
from tests.telemetry.reporting import place
from tests.telemetry.test_contract_chaos import lacking, started
from tests.web.daemon import eventually
from tests.web.settings.visiting import forms, visiting

SEED = 20261122
POINTS = 50
WRITTEN_DOWN = 11.0  # seconds: an answer is written down every ten, which takes a moment
_EARLY = 0.3  # share of the points that lie before the daemon listens
_LONGEST = 2.5  # seconds of a life after that


def shelf(hub: FakeHub, folder: Path, count: int) -> list[str]:
    """Put models on the hub, which gives them out slowly; returns how they are called."""
    files = {}
    for number in range(count):
        path = small_model(folder / f"model{number}.gguf")
        files[path.name] = HubFile(path.read_bytes())
        path.unlink()
    hub.repos["me/it"] = files
    hub.always = Fault(trickle=0.015)
    return [f"hf:me/it/{name}" for name in files]


class Trial:
    """Lives and deaths of one device, and what must hold after each.

    Attributes:
        ended: for each death, the seconds until its engine was gone.
        ready: for each life, the seconds until it was ready.
    """

    def __init__(self, device: Device, chatter: Chatter, chance: random.Random) -> None:
        self.device, self.chatter, self.chance = device, chatter, chance
        self.ended: list[float] = []
        self.ready: list[float] = []

    def live(self, fetcher: Fetcher, *, longest: float = _LONGEST) -> None:
        """Live for a while and be killed; now and then before anything works."""
        if self.chance.random() < _EARLY:
            self.device.nip(self.chance.uniform(0.0, 0.8))
            began = time.monotonic()
        else:
            url = self.begin().url
            with busy(url, self.chatter, fetcher):
                time.sleep(self.chance.uniform(0.0, longest))
                if self.chance.random() < _EARLY:
                    with suppress(ValueError, ProcessLookupError):  # there is none at this moment
                        stop_process(self.device.engine())
                began = time.monotonic()
                self.device.kill()
        eventually(lambda: not self.device.engines(), 5)
        self.ended.append(time.monotonic() - began)

    def begin(self) -> "Trial":
        """Start the next life, and look what is left of the last."""
        began = time.monotonic()
        self.device.start()
        self.ready.append(time.monotonic() - began)
        self.check()
        return self

    @property
    def url(self) -> str:
        """Where the present life is reached."""
        return self.device.daemon.url

    def check(self) -> None:
        """Compare what is kept with what was promised."""
        assert self.device.query("PRAGMA quick_check") == [("ok",)]
        rows = self.device.query("SELECT conversation_id, role, text, state FROM messages ORDER BY number")
        found: dict[object, list[tuple[object, object]]] = {}
        for conversation, _, text, state in rows:
            found.setdefault(conversation, []).append((text, state))
        for conversation, promised in self.chatter.kept.items():
            texts = [text for text, _ in found[conversation]]
            assert texts[: len(promised)] == promised, conversation
            states = [state for _, state in found[conversation]]
            assert states in (["sent", "complete"][: len(states)], ["sent", "failed"]), states
            assert len(promised) == 1 or states[1] == "complete"
        assert "Traceback" not in self.device.past


def survive(device_: Device, hub: FakeHub, references: Sequence[str], points: int) -> Trial:
    """Kill a device at so many points, and have it finish its downloads in its last life."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    trial, fetcher = Trial(device_, Chatter(), chance), Fetcher(hub, list(references))
    for _ in range(points):
        trial.live(fetcher)
    trial.begin()
    fetcher.references.clear()
    hub.always = Fault()
    with busy(trial.url, fetcher):
        eventually(lambda: installed(device_) == fetcher.begun, 60)
        device_.kill()
    return trial


def installed(device_: Device) -> int:
    """Return how many models are installed."""
    return len(device_.daemon.http.get("/api/edgewise/models").json()["installed"])


def resumed(hub: FakeHub) -> int:
    """Return how many downloads went on where they were cut off; none began anew that had got anywhere."""
    asked: dict[str, list[int]] = {}
    for seen in hub.content_requests():
        start = int((seen.range or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        asked.setdefault(seen.path, []).append(start)
    for path, starts in asked.items():
        assert starts == sorted(starts), f"{path} was begun anew: {starts}"
    return sum(start > 0 for starts in asked.values() for start in starts)


def test_what_was_promised_is_kept_when_the_daemon_is_killed_at_three_points(tmp_path: Path, table: Table) -> None:
    with (
        running_hub() as hub,
        closing(Device(tmp_path / "state", "--hf-endpoint", hub.url, "--discovery", "false")) as device_,
    ):
        device_.state.mkdir()
        trial = survive(device_, hub, shelf(hub, tmp_path, 1), 3)
        resumed(hub)
    assert trial.chatter.kept
    table.add("daemon killed at 3 points: seconds until ready again", *trial.ready, lost="nothing acknowledged")


@pytest.mark.chaos
def test_what_was_promised_is_kept_when_the_daemon_is_killed_at_fifty_points(tmp_path: Path, table: Table) -> None:
    with running_hub() as hub, place(tmp_path, "max_queued_messages 0") as here:
        flags = here.flags("--hf-endpoint", hub.url)
        with closing(Device(here.folder / "state", *flags)) as device_:
            device_.state.mkdir()
            trial = survive(device_, hub, shelf(hub, tmp_path, 12), POINTS)
            assert resumed(hub) > POINTS / 10
            device_.start()
            here.wait_for_news("birth", 60)
            here.hub.wait(lambda: here.newest("birth")["boot"] in started(here), 60)
            here.hub.wait(lambda: not lacking(here), 120)
    assert len(trial.chatter.kept) > POINTS / 4
    table.add("daemon killed at 50 points: seconds until ready again", *trial.ready, lost="nothing acknowledged")
    table.add("daemon killed at 50 points: seconds until its engine is gone", *trial.ended)


@pytest.mark.chaos
def test_what_a_browser_has_shown_for_ten_seconds_survives_the_daemon(state: Path, table: Table) -> None:
    words = " ".join(f"w{number}" for number in range(400))
    with device(state) as device_:
        seen = watch(device_, f"!delay 40 !text {words}", seconds=25)
        device_.kill()
        killed = time.monotonic()
        device_.start()
        ((text, answer),) = device_.query("SELECT text, state FROM messages WHERE role = 'assistant'")
        assert answer == "failed"
        kept = largest(str(text))
        due = max(number for moment, number in seen if moment < killed - WRITTEN_DOWN)
        assert due <= kept <= seen[-1][1] + 10
        lost = killed - min(moment for moment, number in seen if number >= kept)
        table.add("daemon killed while it answers", lost=f"the last {lost:.1f} s of the answer; ten at most")


def watch(device_: Device, question: str, seconds: float) -> list[tuple[float, int]]:
    """Ask in the browser, and return when it had been shown words up to which number."""
    seen, shown = [], ""
    with visiting(device_.daemon.url) as visitor:
        form = next(form for form in forms(visitor.open("/")) if form.action == "/c")
        reply = visitor.http.post("/c", data={**form.values, "text": question})
        conversation = reply.headers["location"].removeprefix("/c/").partition("#")[0]
        end = time.monotonic() + seconds
        with visitor.http.stream("GET", f"/events?c={conversation}") as events:
            for line in events.iter_lines():
                if line.startswith("data: "):
                    shown += "".join(re.findall(r'"(?:text|open|html)":"([^"]*)"', line))
                if number := largest(shown[-100:]):
                    seen.append((time.monotonic(), number))
                if time.monotonic() > end:
                    return seen
    raise AssertionError("the stream has ended")


def largest(text: str) -> int:
    """Return the largest number of a whole word in a text."""
    return max((int(number) for number in re.findall(r"w(\d+) ", text)), default=0)
