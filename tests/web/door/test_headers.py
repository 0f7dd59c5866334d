import asyncio
from pathlib import Path

from tests.web.door.house import STRANGER, Visitor, house

ASKED = [
    ("/claim", STRANGER),
    ("/nothing", STRANGER),
    ("/", STRANGER),
    ("/v1/models", STRANGER),
    ("/static/nothing.css", STRANGER),
    ("/claim", Visitor({"host": "evil.example"})),
    ("/claim", Visitor({"origin": "http://evil.example"})),
]
FIXED = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin", "cache-control": "no-store"}
ABSENT = ("strict-transport-security", "access-control-allow-origin", "cross-origin-opener-policy")


def test_every_response_has_the_headers(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            for path, visitor in ASKED:
                headers = (await device.ask("GET", path, visitor)).headers
                policy = headers.get_list("content-security-policy")[0]
                assert policy.startswith("default-src 'none'; script-src 'self'"), (path, visitor)
                assert "unsafe" not in headers["content-security-policy"], (path, visitor)
                assert {name: headers.get(name) for name in FIXED} == FIXED, (path, visitor)
                assert not any(name in headers for name in ABSENT), (path, visitor)

    asyncio.run(run())


def test_files_may_be_kept_for_ever(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            reply = await device.ask("GET", device.app.state.assets.url("app.css"))
            assert "immutable" in reply.headers["cache-control"]

    asyncio.run(run())
