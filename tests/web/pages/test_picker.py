"""Two real models on one device: the one that was picked answers, and with the settings that were picked."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from agent import pinned
from agent.models.starter import NAME as STARTER
from tests.selecting import MODEST, know_speed, small_model
from tests.stewarding import install
from tests.web.daemon import Daemon, daemon, eventually, offline
from tests.web.pages.asking import answer, ask

pytestmark = pytest.mark.slow  # two real models, loaded one after the other

OTHER = "other"  # random weights: every sampled answer is another one


@pytest.fixture(scope="module", autouse=True)  # before the browser, beside which no other loop can run
def device(tmp_path_factory: pytest.TempPathFactory, starter: Path) -> Iterator[Daemon]:
    """A daemon with the starter model, which serves, and a small one."""
    state = tmp_path_factory.mktemp("picker") / "state"
    asyncio.run(prepare(state, starter))
    with daemon(state, "--engine", "llama_cpp", "--context", "512", "--least-speed", "0.5") as running:
        yield running


async def prepare(state: Path, starter: Path) -> None:
    """Install both, and leave nothing to measure or choose."""
    config = offline(state)
    await know_speed(config, MODEST)
    await install(config, starter, STARTER)
    await install(config, small_model(state.parent / f"{OTHER}.gguf"))
    pinned.write(state, STARTER)


FRANCE = "Hello, what is the capital of France?"


def pick(page: Page, device: Daemon, name: str) -> None:
    """Choose a model from the menu at the top, and wait until it serves, and until the page says so by itself."""
    before = page.locator("[data-model]").inner_text()
    page.locator("[data-picker]").click()
    with page.expect_navigation():
        page.locator(f".picker form:has([value='{name}']) button").click()
    eventually(lambda: (device.health()["status"], device.health().get("model")) == ("ok", name), 20)
    expect(page.locator("[data-model]")).not_to_have_text(before)


def settle(page: Page, **values: str) -> None:
    """Write settings of a new conversation."""
    page.goto("/")
    page.locator("#panel > summary").click()
    for name, value in values.items():
        page.locator(f"#{name}").fill(value)
    page.keyboard.press("Escape")


def said(page: Page, text: str) -> str:
    """Ask, and return the text of the answer."""
    ask(page, text)
    expect(answer(page)).to_have_attribute("data-state", re.compile("complete|cut"))
    return page.locator("[data-answer]").last.inner_text()


def test_the_model_that_was_picked_answers(page: Page, device: Daemon) -> None:
    pick(page, device, OTHER)
    settle(page, temperature="0", max_tokens="12")
    assert "Paris" not in said(page, FRANCE)
    expect(page.locator(".stats dd").first).to_have_text(OTHER)
    pick(page, device, STARTER)
    page.get_by_role("button", name="Answer again").click()
    expect(page.locator(".versions").last).to_contain_text("2/2")
    expect(answer(page).locator("[data-answer]")).to_contain_text("Paris")
    expect(page.locator(".stats dd").first).to_have_text(STARTER)


def test_seed_and_temperature_reach_the_engine_from_the_settings_and_from_a_preset(page: Page, device: Daemon) -> None:
    pick(page, device, OTHER)
    cold, hot, another = (
        told(page, temperature="0", seed="1"),
        told(page, temperature="2", seed="2"),
        told(page, temperature="2", seed="1"),
    )
    assert len({cold, hot, another}) == 3
    assert told(page, temperature="0", seed="2") == cold
    assert told(page, temperature="2", seed="2") == hot
    keep_preset(page, "Hot")
    page.goto("/")
    page.locator("#panel > summary").click()
    page.get_by_role("link", name="Hot").click()
    page.keyboard.press("Escape")
    assert said(page, "Tell me.") == hot


def told(page: Page, **values: str) -> str:
    """Return what a model says with these settings."""
    settle(page, max_tokens="12", **values)
    return said(page, "Tell me.")


def keep_preset(page: Page, name: str) -> None:
    """Keep the settings of this conversation as a preset."""
    page.locator("#panel > summary").click()
    page.locator(".save-preset > summary").click()
    page.locator(".save-preset [name=name]").fill(name)
    page.locator(".save-preset button").click()
    expect(page.locator("#panel .notice")).to_have_text("Saved")
