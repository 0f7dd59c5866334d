"""Claiming, signing in, and the pages that say that something failed."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.web.door.house import PASSWORD, STRANGER, House, house

LOCATION = "location"


async def claim(device: House, **fields: str) -> httpx.Response:
    code = await device.node.security.claim.code()
    assert code
    form = {"code": code.text, "name": "Ada", "password": PASSWORD, **fields}
    return await device.ask("POST", "/claim", STRANGER, data=form)


async def sign_in(device: House, password: str, **fields: str) -> httpx.Response:
    return await device.ask("POST", "/login", STRANGER, data={"name": "Ada", "password": password, **fields})


def test_the_code_makes_an_owner_who_is_signed_in_and_sets_the_device_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            assert (await device.ask("GET", "/")).headers[LOCATION] == "/login"
            assert (await device.ask("GET", "/login")).headers[LOCATION] == "/claim"
            reply = await claim(device)
            assert (reply.status_code, reply.headers[LOCATION]) == (303, "/setup")
            cookie = reply.headers["set-cookie"].partition(";")[0]
            assert (await device.ask("GET", "/settings/people", STRANGER.but(cookie=cookie))).status_code == 200
            assert (await device.ask("GET", "/claim")).headers[LOCATION] == "/login"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"code": "AAAA-AAAA"}, "code"), ({"name": "a" * 41}, "name"), ({"password": "short"}, "password")],
)
def test_what_is_wrong_is_said_beside_its_field_and_the_rest_is_kept(
    tmp_path: Path, fields: dict[str, str], field: str
) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            reply = await claim(device, **fields)
            assert reply.status_code == 400
            assert f'<p class="error" id="{field}-help">' in reply.text
            assert reply.text.count('class="error"') == reply.text.count('aria-invalid="true"') == 1
            assert f'name="name" value="{fields.get("name", "Ada")}"' in reply.text
            assert PASSWORD not in reply.text

    asyncio.run(run())


def test_opening_the_link_claims_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            code = await device.node.security.claim.code()
            assert code
            reply = await device.ask("GET", f"/claim?code={code.text}&name=Eve&password={PASSWORD}")
            assert f'value="{code.text}"' in reply.text
            assert not await device.node.security.claim.claimed()

    asyncio.run(run())


def test_signing_in_leads_back_to_the_page_and_replaces_the_session(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            old = await device.person("Ada", "admin")
            assert (await device.ask("GET", "/models?sort=a")).headers[LOCATION] == "/login?next=/models%3Fsort%3Da"
            form = {"name": "ada", "password": PASSWORD, "next": "/models?sort=a"}
            reply = await device.ask("POST", "/login", old, data=form)
            assert (reply.status_code, reply.headers[LOCATION]) == (303, "/models?sort=a")
            assert await device.identify(old) is None

    asyncio.run(run())


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example"])
def test_signing_in_leads_nowhere_else(tmp_path: Path, target: str) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            assert (await sign_in(device, PASSWORD, next=target)).headers[LOCATION] == "/"

    asyncio.run(run())


def test_a_wrong_password_and_an_unknown_name_look_the_same(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            wrong, unknown = await sign_in(device, "wrong"), await sign_in(device, "wrong", name="Bob")
            assert wrong.status_code == unknown.status_code == 401
            assert wrong.text.replace("Ada", "Bob") == unknown.text
            assert "set-cookie" not in wrong.headers

    asyncio.run(run())


def test_who_guesses_has_to_wait(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            replies = [await sign_in(device, "wrong") for _ in range(7)]
            assert replies[-1].status_code == 429
            assert "seconds" in replies[-1].text
            assert (await sign_in(device, PASSWORD)).status_code == 429

    asyncio.run(run())


def test_an_error_is_a_page_for_people_and_a_notice_for_htmx(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            ada = await device.person("Ada", "admin")
            page = await device.ask("GET", "/nothing", ada.but(accept_language="de"))
            assert page.status_code == 404
            assert "Hier ist nichts" in page.text
            notice = await device.ask("GET", "/nothing", ada.but(hx_request="true"))
            assert (notice.status_code, notice.headers["hx-retarget"]) == (404, "#notices")
            assert notice.text.startswith('<div class="notice bad" role="alert">')

    asyncio.run(run())


def test_htmx_is_sent_to_sign_in_and_back_to_the_page_that_it_was_on(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            there = STRANGER.but(hx_request="true", hx_current_url="http://192.0.2.1:8080/c/1?m=2")
            reply = await device.ask("GET", "/c/list", there)
            assert reply.status_code == 401
            assert reply.headers["hx-redirect"] == "/login?next=/c/1%3Fm%3D2"

    asyncio.run(run())
