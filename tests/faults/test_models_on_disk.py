"""Model files that are cut, deleted, replaced or out of reach, while nobody looks and while people are answered."""

import asyncio
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.faults.device import STORY, Device, device
from tests.faults.table import Table
from tests.selecting import MODEST, know_speed, small_model
from tests.stewarding import install
from tests.web import daemon as daemon_module
from tests.web.daemon import eventually, offline

FLAGS = ("--engine", "llama_cpp", "--context", "256", "--parallel", "4", "--least-speed", "0.01")
CHANCE = random.Random(9)  # noqa: S311 - no secret


def settle(state: Path, *names: str) -> None:
    """Install small models, and let the speed of this computer be known."""
    state.mkdir(exist_ok=True)
    for name in names:
        asyncio.run(install(offline(state), small_model(state.parent / f"{name}.gguf"), name))
    asyncio.run(know_speed(offline(state), MODEST))


def file_of(state: Path, name: str) -> Path:
    return state / "models" / name / f"{name}.gguf"


def serving(device_: Device) -> str:
    """Return which model answers."""
    return str(device_.daemon.health().get("model"))


def use(device_: Device, name: str, seconds: float = 20) -> None:
    device_.daemon.http.post("/api/edgewise/models/use", json={"name": name}).raise_for_status()
    eventually(lambda: (device_.daemon.health()["status"], serving(device_)) == ("ok", name), seconds)


@pytest.mark.chaos
@pytest.mark.parametrize("share", [0.0, 0.001, *(round(CHANCE.random(), 2) for _ in range(6)), 0.9999])
def test_a_model_that_was_half_written_gives_way_to_another_and_says_so_once(
    share: float, state: Path, table: Table
) -> None:
    settle(state, "cut", "other")
    (state / "chosen-model").write_text("cut")
    path = file_of(state, "cut")
    os.truncate(path, int(path.stat().st_size * share))
    with device(state, *FLAGS) as device_:
        assert serving(device_) == "other"
        time.sleep(3)
        told = [line for line in device_.log().splitlines() if "cut" in line]
        assert 0 < len(told) < 4, told
        assert "Traceback" not in device_.log()
        page = device_.daemon.http.get("/models").text
        assert "cut" in page
    table.add(f"model cut at {share:.2%} while off: runs another", lost="the model, until it is fetched again")


@pytest.mark.chaos
def test_a_model_that_is_cut_while_it_serves_costs_no_more_than_the_answers_in_progress(
    state: Path, table: Table
) -> None:
    settle(state, "cut", "other")
    with device(state, *FLAGS) as device_:
        use(device_, "cut")
        with device_.wounded(STORY, max_tokens=200) as clients:
            began = time.monotonic()
            os.truncate(file_of(state, "cut"), 1000)
            replies = clients.told(60)
        assert all(reply.clear for reply in replies)
        device_.answers(30)
        eventually(lambda: serving(device_) == "other", 30)
        device_.answers(30)
        table.add("model cut while it serves", time.monotonic() - began, lost="the answers in progress at most")


@pytest.mark.chaos
def test_a_model_that_is_deleted_while_it_serves_serves_to_the_end_and_gives_way(state: Path, table: Table) -> None:
    settle(state, "gone", "other")
    with device(state, *FLAGS) as device_:
        use(device_, "gone")
        with device_.wounded(STORY, max_tokens=200) as clients:
            began = time.monotonic()
            shutil.rmtree(state / "models" / "gone")
            assert all(reply.whole for reply in clients.told(60))
        eventually(lambda: serving(device_) == "other", 30)
        device_.answers(30)
        table.add("model deleted while it serves", time.monotonic() - began)
        assert "Traceback" not in device_.log()


@pytest.mark.chaos
def test_the_only_model_is_deleted_and_its_engine_dies_and_a_new_one_serves_when_it_comes(
    state: Path, table: Table
) -> None:
    settle(state, "only")
    with device(state, *FLAGS) as device_:
        kept = shutil.move(state / "models" / "only", state.parent / "kept")
        time.sleep(2)
        assert device_.answers(5) < 5, "what is loaded goes on"
        os.kill(device_.engine(), 9)
        eventually(lambda: device_.daemon.health()["status"] != "ok", 20)
        reply = device_.daemon.ask("hi")
        assert reply.status_code == 503
        assert reply.json()["error"]["message"]
        began = time.monotonic()
        shutil.move(kept, state / "models" / "only")
        eventually(lambda: device_.daemon.health()["status"] == "ok", 30)
        device_.answers(30)
        table.add("the only model is deleted and comes back", time.monotonic() - began)
        assert "Traceback" not in device_.log()


@pytest.mark.chaos
def test_a_model_that_is_replaced_while_it_serves_is_run_anew_or_left_alone(state: Path, table: Table) -> None:
    settle(state, "swap", "other")
    with device(state, *FLAGS) as device_:
        use(device_, "swap")
        with device_.wounded(STORY, max_tokens=200) as clients:
            began = time.monotonic()
            new = small_model(state.parent / "new.gguf")
            new.replace(file_of(state, "swap"))
            assert all(reply.whole for reply in clients.told(60))
        device_.answers(30)
        os.kill(device_.engine(), 9)
        device_.answers(30)
        table.add("model replaced while it serves, then its engine dies", time.monotonic() - began)
        assert "Traceback" not in device_.log()


@pytest.mark.chaos
def test_a_directory_of_models_that_cannot_be_read_is_said_and_comes_back(
    state: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(state, "old")
    plain = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *daemon_module.COMMAND]
    if os.getuid() == 0:  # root reads everything, unless it gives that up
        monkeypatch.setattr(daemon_module, "COMMAND", plain)
    models = state / "models"
    models.chmod(0)
    try:
        with device(state, *FLAGS, ready=False) as device_:
            eventually(lambda: "models" in device_.daemon.health().get("detail", ""), 15)
            assert device_.daemon.http.get("/models").status_code < 500
            assert device_.daemon.http.get("/").status_code == 200
            time.sleep(12)
            assert "Traceback" not in device_.log()
            assert len(device_.log().splitlines()) < 20
            began = time.monotonic()
            models.chmod(0o700)
            eventually(lambda: device_.daemon.health()["status"] == "ok", 30)
            table.add("directory of models unreadable: seconds until one serves again", time.monotonic() - began)
    finally:
        models.chmod(0o700)
