"""People see where they are signed in, and end what is not theirs any more."""

import re

from tests.web.daemon import Daemon
from tests.web.settings.conftest import PASSWORD
from tests.web.settings.visiting import Visitor, visiting, words

SESSIONS = "/settings/sessions"


def others(html: str) -> list[str]:
    """Return where the forms lead that end the other sessions."""
    return re.findall(rf'action="({SESSIONS}/[^"/]+/end)"', html)


def signed_in(visitor: Visitor) -> bool:
    visitor.open("/settings")
    return visitor.path == "/settings"


def test_a_session_that_is_ended_is_signed_out_and_this_one_is_not(household: Daemon) -> None:
    with visiting(household.url, "Bob", PASSWORD) as phone, visiting(household.url, "Bob", PASSWORD) as laptop:
        page = laptop.open(SESSIONS)
        assert words(page).count("this one") == 1
        assert "python-httpx" in words(page)
        for action in others(page):
            laptop.send(SESSIONS, action)
        assert not signed_in(phone)
        assert signed_in(laptop)


def test_all_others_end_at_once(household: Daemon) -> None:
    with visiting(household.url, "Bob", PASSWORD) as phone, visiting(household.url, "Bob", PASSWORD) as laptop:
        laptop.send(SESSIONS, f"{SESSIONS}/end-others")
        assert not signed_in(phone)
        assert not others(laptop.open(SESSIONS))


def test_nobody_ends_the_session_of_somebody_else(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada, visiting(household.url, "Gus", PASSWORD) as gus:
        with visiting(household.url, "Ada", PASSWORD) as second:
            (hers, *_) = others(second.open(SESSIONS))
        token = re.search(r'name="csrf" value="([^"]+)"', gus.open(SESSIONS))
        assert token
        assert gus.http.post(hers, data={"csrf": token[1]}).status_code == 404
        assert signed_in(ada)
