import asyncio
from pathlib import Path

import pytest

from tests.web.door.house import STRANGER, Visitor, house


@pytest.mark.parametrize(
    ("path", "visitor"),
    [
        ("/claim", STRANGER),
        ("/nothing", STRANGER),
        ("/", STRANGER),
        ("/v1/models", STRANGER),
        ("/static/nothing.css", STRANGER),
        ("/claim", Visitor({"host": "evil.example"})),
        ("/claim", Visitor({"origin": "http://evil.example"})),
    ],
)
def test_every_response_has_the_headers(tmp_path: Path, path: str, visitor: Visitor) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            headers = (await device.ask("GET", path, visitor)).headers
            assert headers.get_list("content-security-policy")[0].startswith("default-src 'none'; script-src 'self'")
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"
            assert "strict-transport-security" not in headers
            assert "access-control-allow-origin" not in headers
            assert "cross-origin-opener-policy" not in headers

    asyncio.run(run())


def test_files_may_be_kept_for_ever(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            reply = await device.ask("GET", device.app.state.assets.url("app.css"))
            assert "immutable" in reply.headers["cache-control"]

    asyncio.run(run())
