"""The page of the device and the log, without JavaScript."""

from collections.abc import Iterator

import pytest

from agent.inference.set_aside import SetAside
from tests.web.daemon import Daemon, daemon, eventually
from tests.web.settings.visiting import Visitor, visiting, words

ASIDE = "broken.gguf 1 2"


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with the echo engine, on which a model was set aside earlier."""
    home = tmp_path_factory.mktemp("device")
    SetAside(home / "set-aside.json").add(ASIDE, "llama-cpp-python 0", "the engine crashed.", aside=True)
    with daemon(home) as running:
        yield running


@pytest.fixture
def visitor(device: Daemon) -> Iterator[Visitor]:
    with visiting(device.url) as visitor:
        yield visitor


def test_tells_how_it_is_doing_what_it_is_and_what_serves(visitor: Visitor) -> None:
    text = words(visitor.open("/device"))
    for part in (
        "Free memory",
        "0 answering, 0 waiting",
        "Processor",
        "Storage",
        "Ready echo",
        "Nothing was chosen yet",
    ):
        assert part in text


def test_charts_are_drawn_and_say_their_numbers(visitor: Visitor) -> None:
    eventually(lambda: "<svg" in visitor.open("/device/live").partition('class="charts"')[2], 10)
    for span in ("hour", "day"):
        html = visitor.open(f"/device/live?span={span}")
        assert 'role="img" aria-label="Lowest' in html
        assert "style=" not in html


def test_numbers_from_the_catalogue_are_listed(device: Daemon, visitor: Visitor) -> None:
    device.ask("hello")
    text = words(visitor.open("/device"))
    for part in ("First word after", "Requests", "Turned away 0", "Free on the disk", "Running for"):
        assert part in text
    assert "Flash memory" not in text, "there is none here"


def test_what_onnx_runtime_computes_on_is_tried_and_then_known(visitor: Visitor) -> None:
    assert "ONNX Runtime on not tried since the device was started" in words(visitor.open("/device"))
    assert "cpu (CPU" in visitor.open("/device/providers")
    assert "ONNX Runtime on cpu (CPU" in words(visitor.open("/device"))


def test_an_unknown_span_is_refused(visitor: Visitor) -> None:
    assert visitor.http.get("/device/live?span=year").status_code == 400


def test_a_measurement_is_made_and_shown(visitor: Visitor) -> None:
    visitor.send("/device", "/device/benchmark")
    eventually(lambda: "<table" in visitor.open("/device/benchmarks"), 10)
    assert "echo" in words("<main>" + visitor.open("/device/benchmarks"))


def test_a_model_that_was_set_aside_gets_another_chance(visitor: Visitor) -> None:
    assert "The engine crashed." in words(visitor.open("/device"))
    assert "The engine crashed." not in words(visitor.send("/device", "/device/try-again"))


def test_the_log_is_shown_found_and_downloaded(visitor: Visitor) -> None:
    assert "Loaded echo" in words(visitor.open("/logs"))
    assert "Loaded echo" not in words(visitor.open("/logs?level=error"))
    assert "Nothing matches" in words(visitor.open("/logs?q=nosuchword"))
    reply = visitor.http.get("/logs.txt")
    assert "attachment" in reply.headers["content-disposition"]
    assert "Loaded echo" in reply.text


def test_an_unchanged_log_is_not_sent_again(visitor: Visitor) -> None:
    htmx = {"HX-Request": "true"}
    html = visitor.open("/logs/lines")
    last = html.partition('id="after-')[2].partition('"')[0]
    assert visitor.http.get(f"/logs/lines?after={last}", headers=htmx).status_code == 204
    assert visitor.http.get("/logs/lines?after=0", headers=htmx).status_code == 200
