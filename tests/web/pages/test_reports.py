"""The owner names a broker in the browser, and sees what comes of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.telemetry.broker import Broker, broker
from tests.telemetry.observer import observer
from tests.web.daemon import Daemon
from tests.web.pages.test_look import violations

SECRET = "tr0ub4dor & 3"  # noqa: S105 - of a broker that lives for seconds
STATUS = "edgewise/v1/+/status"
SOON = 6_000  # milliseconds; the page looks every two seconds
PHONE = 390


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with broker(tmp_path, users={"attic": SECRET, "hub": SECRET}) as running:
        yield running


def save(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.get_by_label(label.replace("_", " ")).fill(text)
    page.locator("#reports").get_by_role("button", name="Save").click()


@pytest.mark.slow  # `test_telemetry` of the settings does so without a browser
def test_a_broker_is_named_refuses_accepts_and_is_left(page: Page, mosquitto: Broker) -> None:
    page.goto("/settings/device")
    expect(page.get_by_text("None announces itself.")).to_be_visible()
    page.get_by_text("On", exact=True).click()
    save(page, Address_of_the_broker=mosquitto.url, User_name="attic", Password=SECRET[1:])
    expect(page.get_by_text("The broker does not let this device in.")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("Refused", exact=True)).to_be_visible()
    save(page, Password=SECRET)
    expect(page.get_by_text("Connected", exact=True)).to_be_visible(timeout=SOON)
    with observer(mosquitto.port, STATUS, username="hub", password=SECRET) as hub:
        hub.wait(lambda: [message for message in hub.messages if message.payload == b"online"])
        page.goto("/device")
        expect(page.get_by_text("Connected", exact=True)).to_be_visible()
        page.goto("/settings/device")
        page.get_by_text("Off", exact=True).last.click()
        save(page)
        hub.wait(lambda: hub.messages[-1].payload == b"offline")
    expect(page.get_by_text("Nothing is sent.")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, 1280])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    chromium: Browser, device: Daemon, scheme: Literal["light", "dark"], width: int
) -> None:
    page = chromium.new_page(base_url=device.url, color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto("/settings/device")
    page.get_by_text("On", exact=True).click()
    save(page, Address_of_the_broker="http://no.broker")
    expect(page.get_by_text("is no address of an MQTT broker")).to_be_visible()
    assert not violations(page)
    save(page, Address_of_the_broker="mqtt://127.0.0.1:9")
    expect(page.get_by_text("Nobody listens at")).to_be_visible(timeout=SOON)
    for path in ("/settings/device", "/device"):
        page.goto(path)
        assert not violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()
