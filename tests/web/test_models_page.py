"""The page of the models and its JSON, without JavaScript, on a device that is open to everybody."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent import pinned
from agent.models import ModelStore
from agent.models.embedder import NAME as ENCODER
from tests.embeddings.tiny_encoder import install as install_encoder
from tests.fake_hub import FakeHub, Fault, HubFile, running_hub
from tests.selecting import MODEST, Entry, know_speed, small_model, write_family
from tests.stewarding import install
from tests.tiny_model import tiny_model
from tests.web.daemon import Daemon, daemon, eventually, offline
from tests.web.settings.visiting import Visitor, forms, visiting

API = "/api/edgewise/models"
BOUND, SLOW = "hf:me/it/bound.gguf", "hf:me/it/slow.gguf"


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with running_hub() as hub:
        hub.repos["me/it"] = {"slow.gguf": HubFile(tiny_model() + bytes(4 << 20))}
        hub.always = Fault(trickle=0.05)
        yield hub


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def device(home: Path, hub: FakeHub) -> Iterator[Daemon]:
    """A daemon with two installed models, that knows another one with conditions and fetches nothing by itself."""
    config = offline(home)
    write_family(home, Entry("bound", BOUND, 2_000_000))
    family = home / ".config" / "edgewise" / "families" / "mine.toml"
    family.write_text(
        family.read_text().replace('licence = "MIT"', 'licence = "Odd"\nrestrictions = "Only on Sundays."')
    )
    asyncio.run(know_speed(config, MODEST))
    for name in ("mine", "spare"):
        asyncio.run(install(config, small_model(home / f"{name}.gguf")))
    flags = ("--engine", "llama_cpp", "--context", "256", "--parallel", "2", "--hf-endpoint", hub.url)
    with daemon(home, *flags, "--fetch-models", "false") as running:
        yield running


def send(visitor: Visitor, action: str, **fields: str) -> httpx.Response:
    """Send one of the many forms of the page."""
    token = next(form.values["csrf"] for form in forms(visitor.open("/models")) if "csrf" in form.values)
    return visitor.http.post(action, data={"csrf": token, **fields}, follow_redirects=True)


def progress(visitor: Visitor) -> str:
    return visitor.open("/models/progress")


def downloads(device: Daemon) -> Any:  # noqa: ANN401 - JSON
    return device.http.get(API).json()["downloads"]


@pytest.fixture
def visitor(device: Daemon) -> Iterator[Visitor]:
    with visiting(device.url) as visitor:
        yield visitor


def test_shows_what_serves_what_is_here_and_what_could_be_had(visitor: Visitor) -> None:
    html = visitor.open("/models")
    assert html.count("Answers now") == 1
    assert "mine" in html
    assert "spare" in html
    assert "Only on Sundays." in visitor.open("/models?show=all&q=bound")


def test_filters_and_orders_are_plain_addresses(visitor: Visitor) -> None:
    everything = visitor.open("/models?show=all&sort=size").count('class="offer"')
    assert 0 < visitor.open("/models?show=all&q=qwen").count('class="offer"') < everything
    assert "No model matches" in visitor.open("/models?show=all&q=nosuchmodel")
    assert visitor.http.get("/models?show=nonsense").status_code == 400


def test_a_person_chooses_a_model_and_leaves_the_choice_to_edgewise_again(visitor: Visitor, home: Path) -> None:
    send(visitor, "/models/use", name="spare")
    assert pinned.read(home) == "spare"
    eventually(lambda: "spare was chosen here by hand" in visitor.open("/models"), 10)
    eventually(lambda: visitor.http.get("/healthz").json()["model"] == "spare", 10)
    send(visitor, "/models/use", name="auto")
    assert pinned.read(home) == ""
    assert send(visitor, "/models/use", name="nothing").status_code == 404


def test_the_model_that_serves_is_deleted_only_when_that_is_confirmed(visitor: Visitor, home: Path) -> None:
    asyncio.run(install(offline(home), small_model(home / "doomed.gguf")))
    send(visitor, "/models/use", name="doomed")
    eventually(lambda: visitor.http.get("/healthz").json()["model"] == "doomed", 15)
    eventually(lambda: visitor.http.get("/healthz").status_code == 200, 15)
    assert send(visitor, "/models/delete", name="doomed").status_code == 400
    assert send(visitor, "/models/delete", name="doomed", confirm="yes").status_code == 200
    assert "doomed" not in [model.name for model in ModelStore(home / "models").installed()]
    assert pinned.read(home) == "", "a choice of what is gone is forgotten"
    eventually(lambda: visitor.http.get("/healthz").status_code == 200, 15)


def test_a_licence_with_conditions_must_be_accepted_before_a_download(visitor: Visitor, device: Daemon) -> None:
    before = len(downloads(device))
    refused = send(visitor, "/models/pull", reference=BOUND)
    assert refused.status_code == 400
    assert "This licence has conditions" in refused.text
    assert device.post({"reference": BOUND}, f"{API}/pull").status_code == 400
    assert len(downloads(device)) == before


def test_a_reference_that_means_nothing_is_refused_and_stays_in_the_form(visitor: Visitor) -> None:
    reply = send(visitor, "/models/pull", reference="nonsense")
    assert reply.status_code == 400
    assert 'value="nonsense"' in reply.text


def test_a_download_is_paused_resumed_and_cancelled_without_javascript(visitor: Visitor, device: Daemon) -> None:
    send(visitor, "/models/pull", reference=SLOW)
    (download,) = downloads(device)
    address = f"/models/downloads/{download['id']}"
    eventually(lambda: (downloads(device)[0]["progress"] or {}).get("done", 0) > 0, 10)
    assert "Pause" in progress(visitor)
    assert "http-equiv" in visitor.open("/models"), "without scripts the page is loaded anew"
    fragment = visitor.http.get("/models/progress", headers={"HX-Request": "true"}).text
    assert "http-equiv" not in fragment, "with them it is not: htmx reads what is in noscript"
    send(visitor, f"{address}/pause")
    assert "Paused" in progress(visitor)
    assert downloads(device)[0]["state"] == "paused"
    send(visitor, f"{address}/resume")
    eventually(lambda: downloads(device)[0]["state"] == "running", 5)
    send(visitor, f"{address}/cancel")
    assert downloads(device) == []
    assert send(visitor, f"{address}/pause").status_code == 404


def test_htmx_gets_a_fragment_and_the_installed_models_only_when_they_have_changed(visitor: Visitor) -> None:
    htmx = {"HX-Request": "true"}
    same = visitor.http.get("/models/progress?seen=", headers=htmx).text
    assert "<html" not in same
    assert 'id="installed"' not in same
    assert 'id="installed"' in visitor.http.get("/models/progress?seen=other", headers=htmx).text


def test_programs_see_installed_and_available_models(device: Daemon) -> None:
    body = device.http.get(API).json()
    assert {"mine", "spare"} <= {model["name"] for model in body["installed"]}
    assert "bound" in {entry["model"] for entry in body["available"]}
    assert not any("rejected" in entry for entry in body["available"])


def test_programs_pull_pause_resume_and_cancel(device: Daemon) -> None:
    pulled = device.post({"reference": SLOW, "name": "mine-too"}, f"{API}/pull")
    assert pulled.status_code == 202
    address = f"{API}/{pulled.json()['id']}"
    assert device.post({}, f"{address}/pause").json()["state"] == "paused"
    assert device.post({}, f"{address}/resume").json()["state"] in {"queued", "running"}
    assert device.post({}, f"{address}/cancel").status_code == 204
    assert device.post({}, f"{address}/cancel").status_code == 404


def test_programs_choose_and_delete(device: Daemon, home: Path) -> None:
    asyncio.run(install(offline(home), small_model(home / "extra.gguf")))
    assert device.post({"name": "spare"}, f"{API}/use").json() == {"name": "spare"}
    assert device.post({"name": "auto"}, f"{API}/use").json() == {"name": "auto"}
    assert device.http.delete(f"{API}/extra").status_code == 204
    assert device.http.delete(f"{API}/extra").status_code == 404


def encoder(device: Daemon) -> Any:  # noqa: ANN401 - JSON
    (found,) = device.http.get(API).json()["embeddings"]
    return found


def test_the_embedding_model_can_be_fetched_from_the_page_but_not_chosen_for_chat(
    visitor: Visitor, device: Daemon, home: Path
) -> None:
    assert (encoder(device)["kind"], encoder(device)["state"]) == ("embeddings", "missing")
    assert "Not here" in visitor.open("/models")
    send(visitor, "/models/pull", reference=encoder(device)["reference"], then="use")
    (download,) = downloads(device)
    assert download["reference"] == "embeddings"
    assert pinned.read(home) == ""
    assert 'value="embeddings"' not in visitor.open("/models"), "it is on its way"
    send(visitor, f"/models/downloads/{download['id']}/cancel")


def test_the_embedding_model_is_here_runs_and_is_removed(visitor: Visitor, device: Daemon, home: Path) -> None:
    install_encoder(home)
    assert encoder(device)["state"] == "here"
    assert ENCODER not in [model["name"] for model in device.http.get(API).json()["installed"]]
    assert device.post({"name": ENCODER}, f"{API}/use").status_code == 404
    assert send(visitor, "/models/use", name=ENCODER).status_code == 404
    eventually(lambda: device.post({"input": "the cat"}, "/v1/embeddings").status_code == 200, 10)
    assert encoder(device)["state"] == "running"
    assert "Running" in visitor.open("/models")
    send(visitor, "/models/verify", name=ENCODER)
    eventually(lambda: downloads(device)[-1]["state"] == "done", 10)
    send(visitor, "/models/delete", name=ENCODER)
    assert encoder(device)["state"] == "missing"
    send(visitor, f"/models/downloads/{downloads(device)[-1]['id']}/cancel")
