"""Updates over HTTP: read as they come, from programs with a key for everything and from the owner's page."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests.bundles.making import KEY, OTHER, make
from tests.web.door.house import House, Visitor, house

API, PAGE = "/api/edgewise/bundle", "/updates"


def with_device(state: Path, check: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        async with house(state, bundle_keys=[KEY.public().line()]) as device:
            await check(device)

    asyncio.run(run())


def installed(device: House) -> list[str]:
    return [model.name for model in device.node.models.installed()]


def form(content: bytes, visitor: Visitor) -> dict[str, object]:
    return {"data": {"csrf": visitor.headers["x-csrf-token"]}, "files": {"file": ("a.edgewise-bundle", content)}}


def test_a_program_applies_an_update_and_takes_it_back(tmp_path: Path) -> None:
    content = make(tmp_path / "made")

    async def check(device: House) -> None:
        program = await device.program("admin")
        tried = await device.ask("POST", f"{API}?dry_run=true", program, content=content)
        assert (tried.status_code, tried.json()["versions"], installed(device)) == (200, {}, [])
        applied = await device.ask("POST", API, program, content=content)
        assert (applied.status_code, applied.json()["versions"], installed(device)) == (200, {"acme": 1}, ["tiny"])
        assert (await device.ask("GET", API, program)).json()["last"]["version"] == 1
        assert (await device.ask("DELETE", API, program)).json()["name"] == "acme"
        assert installed(device) == []
        assert (await device.ask("DELETE", API, program)).status_code == 400

    with_device(tmp_path / "state", check)


def test_a_refused_update_is_answered_with_the_reason(tmp_path: Path) -> None:
    content = make(tmp_path / "made", key=OTHER)

    async def check(device: House) -> None:
        reply = await device.ask("POST", API, await device.program("admin"), content=content)
        assert reply.status_code == 400
        assert "does not trust" in reply.json()["error"]["message"]
        assert installed(device) == []

    with_device(tmp_path / "state", check)


@pytest.mark.parametrize("size", [1, 700, 1 << 20])
def test_an_update_may_arrive_in_pieces_of_any_size(tmp_path: Path, size: int) -> None:
    content = make(tmp_path / "made")

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(content), size):
            yield content[at : at + size]

    async def check(device: House) -> None:
        reply = await device.ask("POST", API, await device.program("admin"), content=pieces())
        assert reply.status_code == 200, reply.text

    with_device(tmp_path / "state", check)


@pytest.mark.parametrize("scripts", [True, False])
def test_the_owner_applies_a_file_on_the_page_with_and_without_scripts(tmp_path: Path, *, scripts: bool) -> None:
    content = make(tmp_path / "made", title="Spring <b>")

    async def check(device: House) -> None:
        owner = await device.person("Ada", "admin")
        sender = owner if scripts else owner.but(x_csrf_token="")
        reply = await device.ask("POST", PAGE, sender, **form(content, owner))
        assert (reply.status_code, reply.headers.get("location")) == (303, "/models#update"), reply.text
        assert installed(device) == ["tiny"]
        page = (await device.ask("GET", "/models", owner)).text
        assert "Spring &lt;b&gt;" in page
        assert (await device.ask("POST", f"{PAGE}/back", owner)).status_code == 303
        assert installed(device) == []

    with_device(tmp_path / "state", check)


@pytest.mark.parametrize("token", ["", "guessed"])
def test_a_file_from_a_page_that_is_not_ours_is_not_read(tmp_path: Path, token: str) -> None:
    content = make(tmp_path / "made")

    async def check(device: House) -> None:
        owner = await device.person("Ada", "admin")
        files = {"file": ("a.edgewise-bundle", content)}
        reply = await device.ask("POST", PAGE, owner.but(x_csrf_token=""), data={"csrf": token}, files=files)
        assert reply.status_code == 403
        assert (await device.ask("POST", PAGE, owner.but(x_csrf_token=""), content=content)).status_code == 403
        assert installed(device) == []

    with_device(tmp_path / "state", check)


def test_only_who_looks_after_the_device_may_update_it(tmp_path: Path) -> None:
    async def check(device: House) -> None:
        await device.person("Ada", "admin")
        child = await device.person("Bob", "user")
        replies: list[httpx.Response] = [
            await device.ask("POST", path, child, content=b"x") for path in (PAGE, f"{PAGE}/back")
        ]
        replies.append(await device.ask("POST", API, await device.program("models"), content=b"x"))
        assert [reply.status_code for reply in replies] == [403, 403, 403]
        assert 'id="update"' not in (await device.ask("GET", "/models", child)).text

    with_device(tmp_path / "state", check)


@pytest.mark.parametrize(
    "body", [b"", b"--x", b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + b"a" * 9000]
)
def test_a_form_that_is_none_is_refused(tmp_path: Path, body: bytes) -> None:
    async def check(device: House) -> None:
        owner = await device.person("Ada", "admin")
        owner.headers["content-type"] = "multipart/form-data; boundary=x"
        assert (await device.ask("POST", PAGE, owner, content=body)).status_code == 400

    with_device(tmp_path / "state", check)
