"""Names that are HTML, of everything that people may name: on every page that shows them they are text."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, expect

from agent.security.accounts import Accounts
from tests.selecting import Entry, small_model, write_family
from tests.stewarding import install
from tests.web.daemon import Daemon, daemon, offline
from tests.web.pages.asking import answer, ask
from tests.web.scenes import sign_in
from tests.web.settings.conftest import PASSWORD, opened

NAME = "<img src=x onerror=alert(1)>"
PLACES = [
    *("/", "/presets", "/models?show=all&q=onerror", "/device", "/logs", "/settings", "/settings/people"),
    *(
        "/settings/sessions",
        "/settings/keys",
        "/settings/device",
        "/setup/name",
        "/search?q=onerror",
        "/help",
        "/c/list",
    ),
]


@pytest.fixture(scope="module", autouse=True)  # before the browser, beside which no other loop can run
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon whose admin, name, key, model and family are all called so."""
    state = tmp_path_factory.mktemp("names") / "state"
    write_family(state, Entry("odd", "hf:me/it/<img/src=x/onerror=alert(1)>.gguf", 1 << 20))
    family = next(state.rglob("mine.toml"))
    family.write_text(family.read_text().replace('"Odd"', f'"{NAME}"').replace('"Mine"', f'"{NAME}"'))
    asyncio.run(prepare(state))
    with daemon(state, "--auth", "accounts", ready=False) as running:
        yield running


async def prepare(state: Path) -> None:
    """Make the account with a key, and install the model."""
    with opened(state) as store:
        accounts = Accounts.on(store, state)
        user = await accounts.users.add(NAME, PASSWORD, "admin")
        await accounts.keys.create(NAME, ("chat",), user_id=user.id)
    await install(offline(state), small_model(state.parent / f"{NAME}.gguf"), "odd")


def test_names_of_everything_are_text_on_every_page(page: Page, tmp_path: Path) -> None:
    dialogs: list[str] = []

    def refuse(shown: Dialog) -> None:
        dialogs.append(shown.message)
        shown.dismiss()

    page.on("dialog", refuse)
    sign_in(page, NAME)
    name_device(page)
    name_download(page, tmp_path)
    name_preset(page)
    chat = name_chat(page, tmp_path)
    question = page.locator(".message.user .actions a").get_attribute("href")
    page.goto("/settings/people")
    person = page.locator("main a[href^='/settings/people/']").first.get_attribute("href")
    for place in [*PLACES, str(person), chat, f"{chat}/rename", str(question)]:
        page.goto(place)
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
        assert "&lt;img src=x" in page.content(), place
        expect(page.locator("img, [onerror]")).to_have_count(0)
    assert not dialogs


def name_device(page: Page) -> None:
    page.goto("/settings/device")
    page.locator("#name").fill(NAME)
    page.locator("form:has(#name) .primary").click()
    expect(page.locator(".brand")).to_have_text(NAME)


def name_download(page: Page, folder: Path) -> None:
    """Ask for a file that is not there, so that the page says so."""
    page.goto("/models")
    page.locator("#reference").fill(str(folder / f"{NAME}.gguf"))
    page.locator("form:has(#reference) .primary").click()
    expect(page.locator(".transfer")).to_contain_text(NAME)


def name_preset(page: Page) -> None:
    page.goto("/presets")
    page.locator("#name").fill(NAME)
    page.locator("#system").fill(f"</textarea>{NAME}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Begin a chat")).to_be_visible()


def name_chat(page: Page, folder: Path) -> str:
    """Ask something with a file, and return the address of the conversation."""
    page.goto("/")
    file = folder / f"{NAME}.txt"
    file.write_text(NAME)
    page.locator("input[type=file]").set_input_files(file)
    expect(page.locator("#chips .chip")).to_contain_text(NAME)
    ask(page, f"</textarea>{NAME}")
    answer(page)
    return page.url.partition("#")[0]
