"""API keys are made and revoked on a page; each sees what is theirs, admins everything."""

import re

import httpx

from tests.web.daemon import Daemon
from tests.web.settings.conftest import PASSWORD
from tests.web.settings.visiting import visiting, words

KEYS = "/settings/keys"


def asked(household: Daemon, secret: str) -> int:
    """Return the status that a program with this key gets."""
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.get(f"{household.url}/v1/models", headers=headers, trust_env=False).status_code


def secret(html: str) -> str:
    """Return what is shown only once."""
    found = re.search(r'id="secret" value="(esk_[^"]+)"', html)
    assert found
    return found[1]


def revoking(html: str, name: str) -> str:
    """Return where the form leads that revokes a key."""
    found = re.search(rf'<bdi>{name}</bdi>.*?action="([^"]+/revoke)"', html, re.DOTALL)
    assert found
    return found[1]


def test_a_key_is_shown_once_works_and_is_revoked(household: Daemon) -> None:
    with visiting(household.url, "Bob", PASSWORD) as bob:
        made = secret(bob.send(KEYS, KEYS, name="Editor"))
        assert asked(household, made) == 200
        page = bob.open(KEYS)
        assert made not in page
        assert f"esk_…{made[-4:]}" in words(page)
        bob.send(KEYS, revoking(page, "Editor"))
        assert "The key was revoked." in words(bob.response.text)
        assert asked(household, made) == 401


def test_users_make_keys_for_chat_only_whatever_they_send(household: Daemon) -> None:
    with visiting(household.url, "Bob", PASSWORD) as bob:
        assert "scope_admin" not in bob.open(KEYS)
        token = re.search(r'name="csrf" value="([^"]+)"', bob.response.text)
        assert token
        made = secret(bob.http.post(KEYS, data={"csrf": token[1], "name": "More", "scope_admin": "on"}).text)
        assert asked(household, made) == 200
        response = httpx.get(
            f"{household.url}/api/edgewise/selection", headers={"Authorization": f"Bearer {made}"}, trust_env=False
        )
        assert response.status_code == 403


def test_admins_see_all_keys_and_users_their_own(household: Daemon) -> None:
    with visiting(household.url, "Ada", PASSWORD) as ada, visiting(household.url, "Bob", PASSWORD) as bob:
        bob.send(KEYS, KEYS, name="Of Bob")
        secret(ada.send(KEYS, KEYS, name="Of Ada", scope_models="on"))
        assert "Of Bob" in words(ada.open(KEYS))
        assert "Of Ada" not in words(bob.open(KEYS))
        hers = revoking(ada.open(KEYS), "Of Ada")
        token = re.search(r'name="csrf" value="([^"]+)"', bob.open(KEYS))
        assert token
        assert bob.http.post(hers, data={"csrf": token[1]}).status_code == 404
        assert "Of Ada" in words(ada.open(KEYS))


def test_a_key_without_a_name_is_refused_beside_its_field(household: Daemon) -> None:
    with visiting(household.url, "Bob", PASSWORD) as bob:
        page = bob.send(KEYS, KEYS, name=" ")
        assert bob.response.status_code == 400
        assert "Give it a name" in words(page)
