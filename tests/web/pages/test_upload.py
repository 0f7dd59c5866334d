"""The owner's browser sends an update: it shows how far it is, can be stopped, and is not sent in vain."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, Page, expect

from agent.models import ModelStore
from tests.bundles.making import KEY, OTHER, make
from tests.tiny_model import tiny_model
from tests.web.daemon import Daemon, daemon, eventually
from tests.web.pages.test_look import violations

SLOWLY, QUICKLY = 800_000, 8_000_000  # bytes per second
LONG = tiny_model(4_000_000)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("updates") / "state"


@pytest.fixture(scope="module")
def device(state: Path) -> Iterator[Daemon]:
    """A daemon that trusts a key for updates."""
    with daemon(state, "--bundle-keys", KEY.public().line()) as running:
        yield running


@pytest.fixture
def wire(page: Page) -> CDPSession:
    return page.context.new_cdp_session(page)


def send(page: Page, wire: CDPSession, content: bytes, speed: int) -> None:
    """Have a file sent over a network of so many bytes per second."""
    page.goto("/models")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": speed}
    wire.send("Network.emulateNetworkConditions", limits)
    page.set_input_files("#bundle", {"name": "a.edgewise-bundle", "mimeType": "", "buffer": content})
    page.locator("#upload .button:not([type])").click()


def installed(state: Path) -> list[str]:
    return [model.name for model in ModelStore(state / "models").installed()]


def left(state: Path) -> list[Path]:
    return [path for place in ("models", "bundles") for path in (state / place).rglob("*.gguf")]


@pytest.mark.slow
def test_an_update_that_is_stopped_leaves_nothing_and_another_may_come(
    page: Page, wire: CDPSession, state: Path, tmp_path: Path
) -> None:
    meter = page.locator("#upload progress")
    send(page, wire, make(tmp_path / "made", model=LONG, title="Spring"), SLOWLY)
    expect(page.locator("#upload p").last).to_contain_text("of 3.8 MiB")
    expect(meter).not_to_have_js_property("value", 0)
    eventually(lambda: bool(left(state)), 10)
    assert not violations(page)
    page.locator("#upload button[type=button]").click()
    expect(meter).to_be_hidden()
    eventually(lambda: not left(state), 10)
    assert "Traceback" not in (state / "log").read_text()
    send(page, wire, make(tmp_path / "again", model=LONG, title="Spring"), QUICKLY)
    expect(page.locator("#update")).to_contain_text("In force: Spring, version 1")
    assert installed(state) == ["tiny"]


@pytest.mark.slow  # `test_over_http` refuses the same
def test_an_update_that_would_be_refused_is_not_sent(page: Page, wire: CDPSession, tmp_path: Path) -> None:
    content = make(tmp_path / "made", model=LONG, version=2, key=OTHER)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    send(page, wire, content, SLOWLY)
    expect(page.locator("#upload [role=alert]")).to_contain_text("which this device does not trust")
    assert [url.rpartition("/updates")[2] for url in sent if "/updates" in url] == ["/check"]
    expect(page.locator("#upload [role=alert]")).to_be_in_viewport()
    expect(page.locator("#upload progress")).to_be_hidden()
    assert not violations(page)


def test_a_device_that_does_not_answer_is_told(page: Page, wire: CDPSession, tmp_path: Path) -> None:
    page.route("**/updates/check", lambda route: route.abort())
    send(page, wire, make(tmp_path / "made"), QUICKLY)
    expect(page.locator("#upload [role=alert]")).to_contain_text("Nothing has changed")
    expect(page.locator("#upload .button:not([type])")).to_be_enabled()
