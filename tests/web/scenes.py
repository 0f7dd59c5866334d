"""Every page that is not the chat, in every state: who looks, where, and what they do there."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.web.showcase import PASSWORD

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Scene:
    """A page in a state.

    Attributes:
        path: where it is.
        act: what brings it into the state.
        who: signs in first; nobody when empty.
    """

    path: str
    act: Callable[[Page], object] = lambda _: None
    who: str = "Ada"


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Sign somebody in, and leave the setup for later where it comes up."""
    page.goto("/login?next=/settings")
    page.locator("#name").fill(name)
    page.locator("#password").fill(password)
    page.locator(".primary").click()


def click(*places: str) -> Callable[[Page], None]:
    """Return what clicks one place after the other."""

    def act(page: Page) -> None:
        for place in places:
            page.locator(place).first.click()
        page.wait_for_load_state()

    return act


def fill(button: str, **fields: str) -> Callable[[Page], None]:
    """Return what fills in fields, by their names, and sends the form; the browser does not check it before."""

    def act(page: Page) -> None:
        for name, text in fields.items():
            page.locator(f"main [name={name}]:not([type=radio], [type=checkbox])").first.fill(text)
        page.locator(button).first.evaluate("button => { button.form.noValidate = true }")
        page.locator(button).first.click()
        page.wait_for_load_state()

    return act


def somebody(page: Page) -> None:
    """Go on to the page of a person."""
    page.get_by_role("link", name="Gus", exact=True).click()
    page.wait_for_load_state()


def removing(page: Page) -> None:
    """Ask to remove a person."""
    somebody(page)
    page.locator(".sure > summary").click()


def last_admin(page: Page) -> None:
    """Make the only admin a guest."""
    page.get_by_role("link", name="Ada", exact=True).click()
    page.locator("[name=role][value=guest]").check()
    page.locator("form[action$=role] .button").click()
    page.wait_for_load_state()


def elsewhere(page: Page) -> None:
    """Ask for a model by a name that means nothing."""
    page.locator("#reference").fill("nonsense")
    page.locator("form:has(#reference) .primary").click()
    page.wait_for_load_state()


def named_anew(page: Page) -> None:
    """Add somebody or something, under a name that nobody has yet."""
    page.locator("main #name").fill(f"New {next(_NUMBERS)}")
    page.locator("main .primary").click()
    page.locator("#secret").wait_for()


def drawer(page: Page) -> None:
    """Open the places on a phone."""
    if page.locator(".openers").first.is_visible():
        page.locator("#drawer").press("Space")
        page.wait_for_timeout(300)


UNCLAIMED = {
    "claim": Scene("/claim?code=ABCD-EFGH", who=""),
    "claim-errors": Scene("/claim", fill(".primary", code="WRONG", name="Ada", password="short"), who=""),  # noqa: S106 - of nobody
}
DOOR = {
    "login": Scene("/login", who=""),
    "login-wrong": Scene("/login", fill(".primary", name="Ada", password="wrong"), who=""),  # noqa: S106 - of nobody
    "lost": Scene("/nowhere"),
    "not-allowed": Scene("/logs", who="Gus"),
}
SETUP = {
    "setup-name": Scene("/setup/name"),
    "setup-name-wrong": Scene("/setup/name", fill(".primary", name=" ")),
    "setup-use": Scene("/setup/use"),
    "setup-model": Scene("/setup/model"),
    "setup-telemetry": Scene("/setup/telemetry"),
}
MODELS = {
    "models": Scene("/models"),
    "models-of-a-user": Scene("/models?q=gemma", who="Bob"),
    "models-menu": Scene("/models?q=gemma", click(".shelf .menu > summary")),
    "models-details": Scene("/models?show=all&q=qwen#available", click(".shelf .more > summary", ".offer > summary")),
    "models-licence": Scene("/models?show=all&q=gemma#available", click(".offer > summary")),
    "models-too-large": Scene("/models?show=large#available", click(".offer > summary")),
    "models-none": Scene("/models?show=all&q=nosuchmodel#available"),
    "models-wrong": Scene("/models", elsewhere),
}
DEVICE = {
    "device": Scene("/device"),
    "device-day": Scene("/device?span=day"),
    "device-considered": Scene("/device#choice", click("#choice .more > summary")),
    "device-of-a-user": Scene("/device", who="Bob"),
    "logs": Scene("/logs"),
    "logs-none": Scene("/logs?q=nosuchword"),
}
SETTINGS = {
    "settings": Scene("/settings"),
    "settings-of-a-guest": Scene("/settings", who="Gus"),
    "settings-delete": Scene("/settings", click(".sure > summary")),
    "settings-password-wrong": Scene(
        "/settings", fill("[action$=password] .primary", current="wrong", new="a new password", again="another")
    ),
    "settings-device": Scene("/settings/device"),
    "settings-places": Scene("/settings", drawer),
    "sessions": Scene("/settings/sessions"),
    "keys": Scene("/settings/keys"),
    "keys-of-a-user": Scene("/settings/keys", who="Bob"),
    "keys-revoke": Scene("/settings/keys", click(".sure > summary")),
    "keys-made": Scene("/settings/keys", named_anew),
    "people-made": Scene("/settings/people", named_anew),
    "people": Scene("/settings/people"),
    "people-wrong": Scene("/settings/people", fill(".primary", name="Ada")),
    "person": Scene("/settings/people", somebody),
    "person-of-a-long-name": Scene("/settings/people", click("li:has-text('Rindfleisch') a")),
    "person-remove": Scene("/settings/people", removing),
    "person-last-admin": Scene("/settings/people", last_admin),
}
PARTS = {"door": DOOR, "setup": SETUP, "models": MODELS, "device": DEVICE, "settings": SETTINGS}
SCENES = {name: scene for part in PARTS.values() for name, scene in part.items()}
