"""The guard reads the form before the handler does: the handler must still get it."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from litestar import Litestar, Request, post

from tests.web.door.house import HOME, Visitor, house
from web.door.csrf import check_token
from web.door.door import Door
from web.errors import error_response

FILES = {"file": ("a.txt", b"text", "text/plain")}


@post("/echo", status_code=200)
async def echo(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Say what the form has."""
    form = await request.form()
    return {name: value if isinstance(value, str) else (await value.read()).decode() for name, value in form.items()}


Send = Callable[..., Awaitable[httpx.Response]]


def with_echo(state: Path, check: Callable[[Send], Awaitable[None]]) -> None:
    """Run a check with what sends forms of a signed-in person; a token of None stands for the right one."""

    async def run() -> None:
        async with house(state) as device:
            admin = await device.person("Ada", "admin")
            app = Litestar(
                [echo], guards=[check_token], exception_handlers={Exception: error_response}, openapi_config=None
            )
            app.state.update(device.app.state)
            app.asgi_handler = Door(app.asgi_handler, device.node)
            device.app = app

            async def send(token: str | None, files: Any) -> httpx.Response:  # noqa: ANN401 - of httpx
                csrf = admin.headers["x-csrf-token"] if token is None else token
                visitor = admin.but(x_csrf_token="")
                return await device.ask("POST", "/echo", visitor, data={"csrf": csrf, "a": "ü"}, files=files)

            await check(send)

    asyncio.run(run())


def test_a_form_with_the_token_reaches_its_handler_whole(tmp_path: Path) -> None:
    async def check(send: Send) -> None:
        for files in (None, FILES):
            reply = await send(None, files)
            assert reply.status_code == 200, reply.text
            assert reply.json()["a"] == "ü"
            assert reply.json().get("file") == (files and "text")

    with_echo(tmp_path, check)


def test_a_form_without_it_does_not(tmp_path: Path) -> None:
    async def check(send: Send) -> None:
        for files in (None, FILES):
            for token in ("", "guessed", "üñ"):
                assert (await send(token, files)).status_code == 403, (token, files)

    with_echo(tmp_path, check)


def test_the_token_of_another_session_is_none(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            ada, eve = await device.person("Ada", "admin"), await device.person("Eve", "user")
            mixed = ada.but(x_csrf_token=eve.headers["x-csrf-token"])
            assert (await device.ask("POST", "/logout", mixed)).status_code == 403

    asyncio.run(run())


def test_with_open_doors_a_change_still_needs_a_page_of_ours(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path, auth="open") as device:
            look = {"theme": "dark", "language": ""}
            assert (await device.ask("POST", "/settings/look", Visitor(), data=look)).status_code == 403
            reply = await device.ask("POST", "/settings/look", Visitor({"origin": HOME}), data=look)
            assert reply.status_code == 303

    asyncio.run(run())
