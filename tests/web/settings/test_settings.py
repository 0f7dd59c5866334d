"""What everybody sets for themselves."""

import asyncio
from pathlib import Path

from tests.web.daemon import Daemon, eventually
from tests.web.settings.conftest import PASSWORD, opened, talk, talks
from tests.web.settings.visiting import forms, visiting, words


def test_language_and_theme_hold_for_every_page(household: Daemon) -> None:
    with visiting(household.url, "Bob", PASSWORD) as bob:
        page = bob.send("/settings", "/settings/look", language="de", theme="dark")
        assert "Gespeichert." in words(page)
        page = bob.open("/settings/sessions")
        assert '<html lang="de" data-theme="dark">' in page
        bob.send("/settings", "/settings/look", language="", theme="")


def test_a_new_password_ends_all_other_sessions(household: Daemon) -> None:
    with visiting(household.url, "Gus", PASSWORD) as phone, visiting(household.url, "Gus", PASSWORD) as laptop:
        laptop.send("/settings", "/settings/password", current=PASSWORD, new="a new password", again="a new password")
        assert "Your password was changed." in words(laptop.response.text)
        phone.open("/settings")
        assert phone.path == "/login"
        laptop.open("/settings")
        assert laptop.path == "/settings"
        laptop.send("/settings", "/settings/password", current="a new password", new=PASSWORD, again=PASSWORD)


def test_the_password_is_changed_only_by_who_knows_it(household: Daemon) -> None:
    with visiting(household.url, "Bob", PASSWORD) as bob:
        page = bob.send("/settings", "/settings/password", current="guessed!", new="my password", again="my password")
        assert bob.response.status_code == 400
        assert "That is not your current password." in words(page)
    with visiting(household.url, "Bob", PASSWORD) as bob:
        assert bob.path != "/login"


def test_a_mistyped_or_short_password_is_refused_beside_its_field(household: Daemon) -> None:
    with visiting(household.url, "Bob", PASSWORD) as bob:
        page = bob.send("/settings", "/settings/password", current=PASSWORD, new="my password", again="my pasword")
        assert "The two are not the same." in words(page)
        page = bob.send("/settings", "/settings/password", current=PASSWORD, new="short", again="short")
        assert "at least 8 characters" in words(page)
        assert PASSWORD not in page


def test_all_chats_are_deleted_of_who_asks_and_of_nobody_else(household: Daemon, household_state: Path) -> None:
    with visiting(household.url, "Bob", PASSWORD) as bob, opened(household_state) as store:
        asyncio.run(talk(store, "Ada"))
        asyncio.run(talk(store, "Bob"))
        bob.send("/settings", "/settings/delete-chats")
        assert "Your chats were deleted." in words(bob.response.text)
        assert asyncio.run(talks(store, "Bob")) == 0
        assert asyncio.run(talks(store, "Ada")) == 1


def test_who_deletes_all_chats_has_nothing_written_any_more(household: Daemon) -> None:
    household.wait_until_ready()
    with visiting(household.url, "Bob", PASSWORD) as bob:
        bob.send("/", "/c", text="!delay 20 !count 5000")
        eventually(lambda: household.active() == 1, 5)
        bob.send("/settings", "/settings/delete-chats")
        eventually(lambda: household.active() == 0, 2)


def test_exported_chats_can_be_imported_again(household: Daemon, household_state: Path) -> None:
    with visiting(household.url, "Gus", PASSWORD) as gus, opened(household_state) as store:
        asyncio.run(talk(store, "Gus"))
        exported = gus.http.get("/export.json").content
        gus.send("/settings", "/settings/delete-chats")
        assert gus.response.status_code == 200, gus.response.text
        assert asyncio.run(talks(store, "Gus")) == 0
        (form,) = [form for form in forms(gus.open("/settings")) if form.action == "/import"]
        assert form.names == {"csrf", "file"}
        gus.http.post("/import", data=form.values, files={"file": ("edgewise.json", exported)})
        assert asyncio.run(talks(store, "Gus")) == 1


def test_guests_see_what_is_theirs_and_nothing_of_the_device(household: Daemon) -> None:
    with visiting(household.url, "Gus", PASSWORD) as gus:
        page = gus.open("/settings")
        assert "/settings/people" not in page
        assert "/settings/keys" not in page
        for path in ("/settings/people", "/settings/device", "/settings/keys", "/setup"):
            assert gus.http.get(path).status_code == 403, path
