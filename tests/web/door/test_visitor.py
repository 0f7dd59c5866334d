import asyncio
from pathlib import Path

import pytest

from agent.security.local_key import read_local_key
from tests.web.door.house import HOME, STRANGER, House, Visitor, house
from web.door.cookie import SessionCookie
from web.door.visitor import until_revoked

HERE = Visitor({"host": "localhost:8080"}, peer="127.0.0.1")


def test_health_is_told_here_and_to_those_we_know(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            assert await status(device, HERE) in {200, 503}
            assert await status(device, Visitor()) == 401
            assert await status(device, Visitor({"host": "localhost:8080"})) == 401
            assert await status(device, Visitor(peer="127.0.0.1")) == 401, "a proxy on this computer"
            assert await status(device, await device.person("Ada", "admin")) in {200, 503}
            assert await status(device, await device.program("chat")) in {200, 503}

    async def status(device: House, visitor: Visitor) -> int:
        return (await device.ask("GET", "/healthz", visitor)).status_code

    asyncio.run(run())


def test_the_local_key_counts_on_this_computer_only(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            key = {"authorization": f"Bearer {read_local_key(tmp_path)}"}
            here, elsewhere = Visitor(key, peer="127.0.0.1"), Visitor(key)
            assert (await device.ask("GET", "/v1/models", here)).status_code == 200
            assert (await device.ask("GET", "/v1/models", elsewhere)).status_code == 401

    asyncio.run(run())


def test_an_unclaimed_device_tells_programs_why_it_is_silent(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            for path in ("/v1/models", "/v1/nothing"):
                reply = await device.ask("GET", path, Visitor({"authorization": "Bearer esk_x"}))
                assert reply.status_code == 401
                assert "no owner" in reply.json()["error"]["message"]

    asyncio.run(run())


@pytest.mark.parametrize("header", ["x-api-key", "authorization"])
def test_a_key_is_read_from_one_header_in_one_form(tmp_path: Path, header: str) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            key = (await device.program("chat")).headers["authorization"].removeprefix("Bearer ")
            reply = await device.ask("GET", "/v1/models", Visitor({header: key}))
            assert reply.status_code == 401
            assert reply.headers["www-authenticate"] == "Bearer"

    asyncio.run(run())


def test_everybody_is_admin_of_an_open_device(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path, auth="open") as device:
            assert (await device.ask("GET", "/v1/models", Visitor())).status_code == 200
            assert (await device.ask("GET", "/settings/people", STRANGER)).status_code == 200
            for path in ("/login", "/claim"):
                reply = await device.ask("GET", path, STRANGER)
                assert reply.status_code == 303

    asyncio.run(run())


def test_who_was_signed_out_by_somebody_else_is_told_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            ada = await device.identify(await device.person("Ada", "admin"))
            assert ada
            listening = asyncio.create_task(until_revoked(device.node, ada))
            await asyncio.sleep(0.05)
            assert not listening.done()
            await device.node.security.sessions.revoke(ada.session, by=ada)
            await asyncio.wait_for(listening, 1)

    asyncio.run(run())


def test_signing_out_ends_the_session_and_not_only_its_cookie(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            ada = await device.person("Ada", "admin")
            reply = await device.ask("POST", "/logout", ada)
            assert (reply.status_code, reply.headers["location"]) == (303, "/login")
            assert f'{SessionCookie(device.node.id).name}=""' in reply.headers["set-cookie"]
            assert (await device.ask("GET", "/settings", ada.but(origin=HOME))).status_code == 303

    asyncio.run(run())
