"""What Edgewise fetches by itself, beside what people want: paused on the page, and put off for their choice."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import pinned
from tests.fake_hub import FakeHub, Fault, running_hub
from tests.selecting import MODEST, know_speed, small_model, write_family
from tests.stewarding import install, offered
from tests.web.daemon import Daemon, daemon, eventually, offline
from tests.web.settings.visiting import Visitor, visiting, words
from tests.web.test_models_page import send

OWN = "/models/downloads/own"
API = "/api/edgewise/models"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def hub(home: Path) -> Iterator[FakeHub]:
    """A hub with the two best models, which sends them over some seconds."""
    with running_hub() as hub:
        best = [offered(hub, home / f"{name}.gguf", quality=quality) for name, quality in (("alpha", 99), ("beta", 98))]
        write_family(home, *best)
        hub.always = Fault(trickle=0.1)
        yield hub


@pytest.fixture(scope="module")
def device(home: Path, hub: FakeHub) -> Iterator[Daemon]:
    """A daemon that serves what is installed and fetches `alpha` behind it."""
    asyncio.run(know_speed(offline(home), MODEST))
    asyncio.run(install(offline(home), small_model(home / "mine.gguf")))
    flags = ("--engine", "llama_cpp", "--context", "256", "--parallel", "2", "--least-speed", "5")
    with daemon(home, *flags, "--hf-endpoint", hub.url) as running:
        yield running


@pytest.fixture
def visitor(device: Daemon) -> Iterator[Visitor]:
    with visiting(device.url) as visitor:
        yield visitor


def coming(visitor: Visitor) -> str:
    """Return what the page says of what is on its way."""
    return words("<main>" + visitor.open("/models/progress"))


def test_what_edgewise_fetches_is_paused_and_goes_on(visitor: Visitor, hub: FakeHub) -> None:
    eventually(lambda: "Downloading" in coming(visitor), 15)
    send(visitor, f"{OWN}/pause")
    eventually(lambda: "Paused" in coming(visitor), 5)
    assert "Go on" in coming(visitor)
    asked = len(hub.content_requests())
    send(visitor, f"{OWN}/resume")
    eventually(lambda: "Downloading" in coming(visitor), 10)
    assert hub.content_requests()[asked].range, "what had arrived was kept"
    assert send(visitor, f"{OWN}/cancel").status_code == 404


def test_a_choice_of_the_setup_comes_first_and_is_forgotten_with_its_download(
    visitor: Visitor, device: Daemon, home: Path
) -> None:
    visitor.send("/setup/model", "/setup/model", file="hf:me/it/beta.gguf")
    eventually(lambda: "Waits for its turn" in coming(visitor), 5)
    assert "Your choice" in coming(visitor)
    (download,) = device.http.get(API).json()["downloads"]
    send(visitor, f"/models/downloads/{download['id']}/cancel")
    assert pinned.read(home) == ""
    assert 'name="file" value="" checked' in visitor.open("/setup/model")
    eventually(lambda: "Downloading" in coming(visitor), 5)


def test_a_choice_of_the_setup_serves_as_soon_as_it_is_here(
    visitor: Visitor, device: Daemon, hub: FakeHub, home: Path
) -> None:
    before = len(hub.content_requests())
    hub.always = Fault(status=404)
    visitor.send("/setup/model", "/setup/model", file="hf:me/it/beta.gguf")
    eventually(lambda: "Failed" in coming(visitor), 5)
    assert pinned.read(home) == "beta", "it is tried again, and serves then"
    hub.always = Fault()
    (download,) = device.http.get(API).json()["downloads"]
    send(visitor, f"/models/downloads/{download['id']}/resume")
    eventually(lambda: device.health().get("model") == "beta", 10)
    asked = [seen.path for seen in hub.content_requests()[before:] if seen.path.endswith("beta.gguf")]
    assert len(asked) == 2, "the failure, and one download"
    assert "beta was chosen and serves as soon as it is here" in (home / "log").read_text()
