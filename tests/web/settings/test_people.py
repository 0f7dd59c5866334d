"""Admins add, change and remove people."""

import re

from tests.web.daemon import Daemon, eventually
from tests.web.settings.conftest import PASSWORD
from tests.web.settings.visiting import Visitor, forms, visiting, words

PEOPLE = "/settings/people"


def page_of(admin: Visitor, name: str) -> str:
    """Return where somebody is managed."""
    found = re.search(rf'href="({PEOPLE}/[^"]+)"><strong><bdi>{name}<', admin.open(PEOPLE))
    assert found
    return found[1]


def secret(html: str) -> str:
    """Return what is shown only once."""
    found = re.search(r'id="secret" value="([^"]+)"', html)
    assert found
    return found[1]


def test_a_new_person_signs_in_with_the_password_that_was_shown_once(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada:
        shown = secret(ada.send(PEOPLE, PEOPLE, name="Cleo", role="guest"))
        assert shown not in ada.open(PEOPLE)
    with visiting(household.url, "cleo", shown) as cleo:
        cleo.open("/settings")
        assert cleo.path == "/settings"


def test_a_name_that_somebody_has_is_refused_and_kept_in_the_form(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada:
        page = ada.send(PEOPLE, PEOPLE, name="bob", role="guest", password="long enough")  # noqa: S106 - of nobody
        assert ada.response.status_code == 400
        assert "nobody else may have it" in words(page)
        (form,) = [form for form in forms(page) if form.action == PEOPLE]
        assert form.values["name"] == "bob"
        assert form.values["role"] == "guest"
        assert not form.values["password"]


def test_the_last_admin_stays_one(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada:
        me = page_of(ada, "Ada")
        for action, fields in (("role", {"role": "user"}), ("remove", {})):
            page = ada.send(me, f"{me}/{action}", **fields)
            assert ada.response.status_code == 400
            assert "This is the only admin" in words(page)
        assert "Ada" in words(ada.open(PEOPLE))


def test_who_is_removed_is_signed_out_and_stays_out(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada:
        ada.send(PEOPLE, PEOPLE, name="Dan", role="user", password=PASSWORD)
        with visiting(household.url, "Dan", PASSWORD) as dan:
            his = page_of(ada, "Dan")
            assert "The account was removed." in words(ada.send(his, f"{his}/remove"))
            dan.open("/settings")
            assert dan.path == "/login"
            dan.http.post("/login", data={"name": "Dan", "password": PASSWORD})
            dan.open("/settings")
            assert dan.path == "/login"
        assert ada.http.get(his).status_code == 404


def test_who_is_removed_has_nothing_written_for_them_any_more(household: Daemon) -> None:
    household.wait_until_ready()
    with visiting(household.url, "Ada", PASSWORD) as ada:
        ada.send(PEOPLE, PEOPLE, name="Fay", role="guest", password=PASSWORD)
        with visiting(household.url, "Fay", PASSWORD) as fay:
            fay.send("/", "/c", text="!delay 20 !count 5000")
            eventually(lambda: household.active() == 1, 5)
            hers = page_of(ada, "Fay")
            ada.send(hers, f"{hers}/remove")
            eventually(lambda: household.active() == 0, 2)


def test_a_new_role_and_a_new_password_hold_at_once(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada:
        ada.send(PEOPLE, PEOPLE, name="Eve", role="guest", password=PASSWORD)
        hers = page_of(ada, "Eve")
        ada.send(hers, f"{hers}/role", role="user")
        shown = secret(ada.send(hers, f"{hers}/password"))
    with visiting(household.url, "Eve", shown) as eve:
        assert eve.http.get("/settings/keys").status_code == 200
