"""Pages are compressed for whoever can unpack them."""

import asyncio
import gzip
from pathlib import Path

import httpx

from tests.web.door.house import Visitor, house


async def _page(state: Path, path: str, **headers: str) -> httpx.Response:
    async with house(state, auth="open") as device:
        return await device.ask("GET", path, Visitor().but(**headers))


def test_a_page_is_compressed_for_a_browser_that_takes_it(tmp_path: Path) -> None:
    page = asyncio.run(_page(tmp_path, "/settings", accept_encoding="gzip, deflate"))
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["vary"] == "Accept-Encoding"
    assert "<html" in page.text
    assert int(page.headers["content-length"]) < len(page.content) / 2


def test_a_page_is_sent_as_it_is_to_others(tmp_path: Path) -> None:
    page = asyncio.run(_page(tmp_path, "/settings", accept_encoding="identity"))
    assert "content-encoding" not in page.headers
    assert page.text.startswith("<!doctype html>")


def test_the_length_of_a_page_does_not_tell_what_is_in_it(tmp_path: Path) -> None:
    async def lengths() -> set[int]:
        async with house(tmp_path, auth="open") as device:
            visitor = Visitor().but(accept_encoding="gzip")
            pages = [await device.ask("GET", "/settings", visitor) for _ in range(8)]
            assert len({page.text for page in pages}) == 1
            return {int(page.headers["content-length"]) for page in pages}

    assert len(asyncio.run(lengths())) > 1


def test_a_stream_of_events_is_never_compressed(tmp_path: Path) -> None:
    async def first() -> httpx.Headers:
        async with house(tmp_path, auth="open") as device:
            device.node.stopping = True  # the stream says its first words and ends
            return (await device.ask("GET", "/events", Visitor().but(accept_encoding="gzip"))).headers

    assert "content-encoding" not in asyncio.run(first())


def test_a_file_is_not_compressed_twice(tmp_path: Path) -> None:
    async def content() -> bytes:
        async with house(tmp_path, auth="open") as device:
            url = device.app.state.assets.url("app.css")
            return (await device.ask("GET", url, Visitor().but(accept_encoding="gzip"))).content

    assert not content_is_gzip(asyncio.run(content()))


def content_is_gzip(content: bytes) -> bool:
    return content[:2] == gzip.compress(b"")[:2]
