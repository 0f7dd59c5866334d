"""Several people, tabs and devices at the same time, on a device with accounts that answers one question at a time."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from agent.security.accounts import Accounts
from tests.web.daemon import Daemon, daemon
from tests.web.pages.asking import SLOW, answer, ask
from tests.web.settings.conftest import PASSWORD, opened

PEOPLE = ["Ada", "Bob", "Cleo"]


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A claimed daemon with three people."""
    state = tmp_path_factory.mktemp("people")
    settle(state)
    with daemon(state, "--auth", "accounts", "--parallel", "1", ready=False) as running:
        yield running


def settle(state: Path) -> None:
    """Make the accounts."""

    async def add(accounts: Accounts) -> None:
        for name in PEOPLE:
            await accounts.users.add(name, PASSWORD, "admin" if name == "Ada" else "user")

    with opened(state) as store:
        asyncio.run(add(Accounts.on(store, state)))


def sign_in(chromium: Browser, device: Daemon, name: str) -> Page:
    """Return a tab of somebody in a browser of its own."""
    context = chromium.new_context(base_url=device.url)
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#text")).to_be_visible()
    return page


@pytest.mark.slow  # `test_chat` has a question say its place
def test_people_wait_in_line_and_everybody_gets_an_answer(device: Daemon, chromium: Browser) -> None:
    pages = [sign_in(chromium, device, name) for name in PEOPLE]
    for number, page in enumerate(pages):
        ask(page, f"!delay 15 answer number {number} " + "and so on " * 100)
    for number, page in enumerate(pages):
        expect(page.locator("[data-answer]")).to_contain_text(f"answer number {number} and")
        for place, waiting in enumerate(pages[number + 1 :], start=1):
            expect(waiting.locator("[data-phase-text]")).to_have_text(re.compile(rf"place {place}, about \d+ s"))
        page.keyboard.press("Escape")
        expect(answer(page)).to_have_attribute("data-state", "stopped")
    for page in pages:
        page.context.close()


@pytest.mark.slow  # two tabs of one browser do the same in `test_asking`
def test_another_device_of_the_same_person_shows_and_stops_the_same_answer(device: Daemon, chromium: Browser) -> None:
    desk, phone = sign_in(chromium, device, "Bob"), sign_in(chromium, device, "Bob")
    ask(desk, SLOW * 2)
    phone.goto(desk.url)
    expect(phone.locator("[data-answer]")).to_contain_text("slow answer")
    phone.reload()
    phone.get_by_role("button", name="Stop").click()
    expect(answer(desk)).to_have_attribute("data-state", "stopped")
    expect(answer(phone)).to_have_attribute("data-state", "stopped")
    assert desk.locator("[data-answer]").inner_text() == phone.locator("[data-answer]").inner_text()
    ask(phone, "!text from the phone")
    expect(desk.locator("[data-answer]").last).to_have_text("from the phone")
    desk.context.close()
    phone.context.close()


@pytest.mark.slow
def test_a_session_that_is_ended_elsewhere_leads_to_the_login_page_in_the_middle_of_an_answer(
    device: Daemon, chromium: Browser
) -> None:
    desk, phone = sign_in(chromium, device, "Cleo"), sign_in(chromium, device, "Cleo")
    ask(phone, "!delay 20 " + "a slow answer " * 10)
    there = phone.url.partition("#")[0].removeprefix(device.url)
    desk.goto("/settings/sessions")
    desk.get_by_role("button", name="End all others").click()
    expect(phone).to_have_url(re.compile("/login"), timeout=15_000)
    phone.get_by_label("Name").fill("Cleo")
    phone.get_by_label("Password").fill(PASSWORD)
    phone.keyboard.press("Enter")
    expect(phone).to_have_url(re.compile(there))
    expect(phone.locator(".message.assistant")).to_have_attribute("data-state", "complete", timeout=20_000)
    desk.context.close()
    phone.context.close()
