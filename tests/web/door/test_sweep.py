"""Every route of the application, one after the other: a new one is covered as soon as it is there."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from agent.security.identity import SCOPES
from tests.web.door.house import ELSEWHERE, HOME, STRANGER, UNSAFE, House, Route, Visitor, house
from web.paths import is_api

# What answers everybody. The health of the device is on the list of handlers, but tells strangers nothing (below).
FOR_STRANGERS = {"/claim", "/login", "/static/{path:path}"}
HEALTH = {"/health", "/healthz", "/v1/health"}

Sweep = Callable[[House, Visitor], Awaitable[None]]


def refused(reply: httpx.Response) -> bool:
    """Tell whether a stranger was sent away: to sign in, or for a key."""
    return reply.status_code == 401 or (
        reply.status_code == 303 and reply.headers["location"].partition("?")[0] == "/login"
    )


def sweep(state: Path, check: Sweep, **settings: str) -> None:
    """Run a check with a claimed device and its admin."""

    async def run() -> None:
        async with house(state, **settings) as device:
            await check(device, await device.person("Ada", "admin"))

    asyncio.run(run())


async def statuses(device: House, visitor: Visitor, wanted: Callable[[Route], bool]) -> dict[Route, int]:
    """Ask all routes that are wanted, and return what they answer."""
    routes = [route for route in device.routes() if wanted(route)]
    assert routes
    return {route: (await device.ask(route.method, route.path, visitor)).status_code for route in routes}


def test_every_route_says_who_may_call_it(tmp_path: Path) -> None:
    known = {"public", "guest", "user", "admin", *(f"key:{scope}" for scope in SCOPES)}

    async def check(device: House, _admin: Visitor) -> None:
        routes = device.routes()
        assert len(routes) > 50
        assert not [route for route in routes if route.access not in known]
        assert {route.template for route in routes if route.access == "public"} == FOR_STRANGERS | HEALTH
        assert not [route for route in routes if route.access.startswith("key:") and not is_api(route.path)]

    sweep(tmp_path, check)


@pytest.mark.parametrize("claimed", [True, False])
def test_no_route_answers_a_stranger(tmp_path: Path, *, claimed: bool) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            if claimed:
                await device.person("Ada", "admin")
            answered = {
                route.template
                for route in device.routes()
                if not refused(await device.ask(route.method, route.path, STRANGER))
            }
            assert answered <= FOR_STRANGERS

    asyncio.run(run())


@pytest.mark.parametrize("auth", ["accounts", "open"])
def test_no_route_answers_under_a_foreign_name(tmp_path: Path, auth: str) -> None:
    async def check(device: House, admin: Visitor) -> None:
        found = await statuses(device, admin.but(host="evil.example", origin=ELSEWHERE), lambda _: True)
        assert set(found.values()) == {421}

    sweep(tmp_path, check, auth=auth)


@pytest.mark.parametrize("auth", ["accounts", "open"])
def test_no_route_answers_a_foreign_page(tmp_path: Path, auth: str) -> None:
    async def check(device: House, admin: Visitor) -> None:
        for origin in (ELSEWHERE, "null", "http://192.0.2.1:8081"):
            assert set((await statuses(device, admin.but(origin=origin), lambda _: True)).values()) == {403}, origin

    sweep(tmp_path, check, auth=auth)


def test_nothing_is_changed_without_token_and_origin(tmp_path: Path) -> None:
    def of_a_page(route: Route) -> bool:
        return route.method in UNSAFE and not is_api(route.path)

    def with_a_token(route: Route) -> bool:
        return of_a_page(route) and route.template not in FOR_STRANGERS  # those who only sign in have none yet

    async def check(device: House, admin: Visitor) -> None:
        assert set((await statuses(device, admin.but(origin=""), of_a_page)).values()) == {403}
        for token in ("", "guessed"):
            assert set((await statuses(device, admin.but(x_csrf_token=token), with_a_token)).values()) == {403}, token

    sweep(tmp_path, check)


def test_a_key_opens_only_what_it_is_for(tmp_path: Path) -> None:
    async def check(device: House, _admin: Visitor) -> None:
        await only(device, await device.program("chat"), "key:chat")
        await only(device, await device.program("models"), "key:models")

    async def only(device: House, key: Visitor, own: str) -> None:
        found = await statuses(device, key, lambda route: route.access.startswith("key:") and route.access != own)
        assert set(found.values()) == {403}

    sweep(tmp_path, check)


def test_keys_open_no_page_and_sessions_no_api(tmp_path: Path) -> None:
    async def check(device: House, admin: Visitor) -> None:
        key = (await device.program("admin")).but(origin=HOME)
        for route in device.routes():
            if route.template not in FOR_STRANGERS | HEALTH:
                other = admin if is_api(route.path) else key
                assert refused(await device.ask(route.method, route.path, other)), route

    sweep(tmp_path, check)


def test_guests_and_users_stay_out_of_what_is_for_more(tmp_path: Path) -> None:
    async def check(device: House, _admin: Visitor) -> None:
        guest, user = await device.person("Gus", "guest"), await device.person("Uma", "user")
        found = await statuses(device, guest, lambda route: route.access in {"user", "admin"})
        found |= await statuses(device, user, lambda route: route.access == "admin")
        assert set(found.values()) == {403}

    sweep(tmp_path, check)
