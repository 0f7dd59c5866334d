"""The pages of the models, the device and the log in a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.fake_hub import FakeHub, Fault, HubFile, running_hub
from tests.tiny_model import tiny_model
from tests.web.daemon import Daemon, daemon
from tests.web.pages.test_look import violations

PAGES = ["/models?q=gemma", "/device", "/logs"]
LIVELY = 15_000  # milliseconds that something may take to show up by itself


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    """A hub that sends a model over some seconds."""
    with running_hub() as hub:
        hub.repos["me/it"] = {"slow.gguf": HubFile(tiny_model() + bytes(1 << 19))}
        hub.always = Fault(trickle=0.06)
        yield hub


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory, hub: FakeHub) -> Iterator[Daemon]:
    """A daemon that may ask that hub."""
    with daemon(tmp_path_factory.mktemp("owner") / "state", "--hf-endpoint", hub.url) as running:
        yield running


@pytest.mark.slow  # `test_scenes` looks at these pages when there is something
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen_where_nothing_is_there_yet(page: Page) -> None:
    width = 390
    page.set_viewport_size({"width": width, "height": 800})
    for path in PAGES:
        page.goto(path)
        page.evaluate("document.querySelectorAll('main details').forEach((part, number) => part.open = number < 12)")
        assert not violations(page), path
        assert page.evaluate("document.querySelector('main').scrollWidth") <= width


def test_a_download_that_somebody_else_begins_shows_up_by_itself(timed: Page, device: Daemon) -> None:
    timed.goto("/models")
    expect(timed.locator(".transfer")).to_have_count(0)
    started = device.post({"reference": "hf:me/it/gone.gguf"}, "/api/edgewise/models/pull").json()
    timed.clock.fast_forward(LIVELY)
    expect(timed.locator(".transfer")).to_contain_text("Failed", timeout=LIVELY)
    device.post({}, f"/api/edgewise/models/{started['id']}/cancel")


def moves(page: Page) -> None:
    """Wait until more has arrived, as the page shows it."""
    meter = page.locator(".transfer progress")
    shown = page.evaluate("document.querySelector('.transfer progress')?.value ?? 0")
    expect(meter).not_to_have_js_property("value", shown, timeout=LIVELY)


@pytest.mark.slow  # another one shows up by itself below
def test_a_download_moves_by_itself_is_paused_and_ends_among_the_installed(page: Page) -> None:
    page.goto("/models")
    page.get_by_label("Where it is").fill("hf:me/it/slow.gguf")
    page.get_by_role("button", name="Download", exact=True).click()
    moves(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".transfer .badge")).to_have_text("Paused")
    page.get_by_role("button", name="Go on").click()
    moves(page)
    expect(page.locator(".transfer .badge")).to_have_text("It is here", timeout=LIVELY)
    expect(page.locator("#installed h3")).to_have_text(["slow"])
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator(".transfer")).to_have_count(0)


def test_a_menu_stays_open_while_a_download_moves(page: Page, hub: FakeHub, device: Daemon, tmp_path: Path) -> None:
    here = tmp_path / "here.gguf"
    here.write_bytes(tiny_model())
    device.post({"reference": str(here)}, "/api/edgewise/models/pull")
    hub.repos["me/it"]["other.gguf"] = HubFile(tiny_model(seed=3) + bytes(1 << 22))
    page.goto("/models")
    page.get_by_label("Where it is").fill("hf:me/it/other.gguf")
    page.get_by_role("button", name="Download", exact=True).click()
    moves(page)
    page.locator("#installed details.more summary").first.click()
    moves(page)
    expect(page.locator("#installed details.more").first).to_have_attribute("open", "")
    for download in device.http.get("/api/edgewise/models").json()["downloads"]:
        device.post({}, f"/api/edgewise/models/{download['id']}/cancel")


def test_new_lines_of_the_log_come_by_themselves(page: Page, device: Daemon, tmp_path: Path) -> None:
    page.goto("/logs?q=missing")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    device.post({"reference": str(tmp_path / "missing.gguf")}, "/api/edgewise/models/pull")
    expect(page.locator("#lines li")).to_contain_text(["missing.gguf"], timeout=LIVELY)


def test_the_numbers_of_the_device_come_by_themselves(timed: Page) -> None:
    timed.goto("/device")
    timed.evaluate("document.querySelector('#live').replaceChildren()")
    timed.clock.fast_forward(LIVELY)
    expect(timed.locator("#live .tiles")).to_be_visible(timeout=LIVELY)
