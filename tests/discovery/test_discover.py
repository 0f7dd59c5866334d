"""`edgewise discover`."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import msgspec
import pytest

from agent.cli import execute
from agent.cli.discover import with_state
from agent.discovery.facts import Facts
from agent.discovery.found import Found, shown
from tests.discovery.network import announced, device
from tests.web.daemon import daemon
from tests.web.door.house import HOME, house


async def discover(state: Path, *arguments: str) -> int:
    """Run the command in the network of the tests."""
    where = ["--from", "127.0.0.1", "--seconds", "1.5", "--state-dir", str(state), "--port", "1"]
    return await asyncio.to_thread(execute, ["discover", *where, *arguments])


def rows(state: Path, capsys: pytest.CaptureFixture[str], port: int, *devices: Facts, flags: Sequence[str] = ()) -> str:
    """Announce devices and return what the command prints of them."""

    async def look() -> None:
        async with AsyncExitStack() as network:
            for facts in devices:
                await network.enter_async_context(announced(facts, port=port))
            assert await discover(state, *flags) == 0

    asyncio.run(look())
    return capsys.readouterr().out


def test_devices_are_listed_by_name_with_address_model_and_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attic, cellar = device(name="Attic", model="qwen3-0.6b", claimed=True), device(name="cellar")
    with daemon(tmp_path / "state") as running:
        port = running.http.base_url.port or 0
        lines = rows(tmp_path, capsys, port, cellar, attic).splitlines()
    assert lines[0].split() == ["NAME", "ADDRESS", "MODEL", "VERSION", "OWNER", "LOAD"]
    ours = [line.split(maxsplit=4) for line in lines if f":{port}" in line]
    assert ours == [
        ["Attic", f"http://127.0.0.1:{port}", "qwen3-0.6b", "1.2.3", "yes       idle"],
        ["cellar", f"http://127.0.0.1:{port}", "-", "1.2.3", "none yet  idle"],
    ]


def test_who_has_accounts_does_not_tell_strangers_how_busy_it_is(tmp_path: Path) -> None:
    async def run() -> None:
        async with house(tmp_path) as device:
            found = Found("Kitchen", HOME)
            for peer, told in (("192.0.2.7", False), ("127.0.0.1", True)):
                way = httpx.ASGITransport(device.app, client=(peer, 1))  # type: ignore[arg-type]
                url = "http://localhost:8080" if told else HOME
                async with httpx.AsyncClient(transport=way, base_url=url) as client:
                    assert bool((await with_state(client, found)).status) == told

    asyncio.run(run())


def test_json_has_all_that_a_device_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = device(model="qwen3-0.6b", hardware="raspberry-pi-5", claimed=True)
    with daemon(tmp_path / "state", "--auth", "accounts") as running:
        port = running.http.base_url.port or 0
        found = msgspec.json.decode(rows(tmp_path, capsys, port, facts, flags=["--json"]), type=list[Found])
    url = f"http://127.0.0.1:{port}"
    ours = Found(facts.name, url, facts.known_as, "qwen3-0.6b", "1.2.3", "raspberry-pi-5", True, "ok", 0)  # noqa: FBT003 - claimed
    assert ours in found


def test_a_device_that_does_not_answer_is_listed_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = device()
    assert any(facts.name in line and "no answer" in line for line in rows(tmp_path, capsys, 9, facts).splitlines())


def test_where_nobody_is_the_command_says_where_it_looked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    end = time.monotonic() + 30
    while asyncio.run(discover(tmp_path, "--seconds", "0.01")) != 1 and time.monotonic() < end:
        capsys.readouterr()  # another test has a device in this network
    assert "within 0.01 s (asked from 127.0.0.1)" in capsys.readouterr().out
    while asyncio.run(discover(tmp_path, "--seconds", "0.01", "--json")) != 1 and time.monotonic() < end:
        capsys.readouterr()
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(
    ("address", "words"), [("kitchen", "is not an address"), ("192.0.2.99", "has no such address")]
)
def test_an_address_that_is_not_ours_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], address: str, words: str
) -> None:
    assert asyncio.run(discover(tmp_path, "--from", address)) == 2
    assert words in capsys.readouterr().err


def test_what_others_say_does_nothing_to_a_terminal() -> None:
    assert shown("\x1b[2JPi\u202e\n") == "?[2JPi??"
    assert Found.told("\x1b]0;x\x07", ["[::1]"], 80, {"tls": "1", "claimed": "yes"}) == Found(
        "?]0;x?", "https://[::1]:80"
    )
