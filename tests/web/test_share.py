"""One program cannot keep out the others: nobody holds more than a share of the queue."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from litestar import Request

from agent.security.accounts import Accounts
from agent.security.identity import OPEN_USER, Identity
from tests.web.daemon import CHAT, Daemon, chat, daemon, eventually
from tests.web.settings.conftest import PASSWORD, opened
from web.api.asker import asker

SLOW = "!delay 20 !text " + "x" * 2000  # 40 s
KEYS = dict[str, str]


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Daemon, KEYS]]:
    """A daemon that answers one request at a time while eight may wait, with keys of Ada's and of nobody."""
    state = tmp_path_factory.mktemp("share")

    async def keys(accounts: Accounts) -> KEYS:
        ada = await accounts.users.add("Ada", PASSWORD, "admin")
        owners = {"greedy": None, "modest": None, "ada-1": ada.id, "ada-2": ada.id}
        return {name: (await accounts.keys.create(name, ["chat"], owner))[1] for name, owner in owners.items()}

    with opened(state) as store:
        made = asyncio.run(keys(Accounts.on(store, state)))
    with daemon(state, "--auth", "accounts", "--parallel", "1", "--queue", "8") as running:
        yield running, made


@asynccontextmanager
async def asking(device: tuple[Daemon, KEYS], key: str, count: int) -> AsyncIterator[httpx.AsyncClient]:
    """Have a program ask so many questions while the block runs; gives a client for more."""
    running, keys = device
    async with httpx.AsyncClient(base_url=running.url, timeout=20, trust_env=False) as client:
        asked = [asyncio.create_task(ask(client, keys[key], SLOW, stream=True)) for _ in range(count)]
        await until_active(running, count)
        yield client
        for task in asked:
            task.cancel()
        await asyncio.wait(asked)
        await until_active(running, 0)


async def until_active(running: Daemon, count: int) -> None:
    await asyncio.to_thread(eventually, lambda: running.active() == count, 5)


async def ask(client: httpx.AsyncClient, key: str, text: str, **fields: object) -> httpx.Response:
    return await client.post(CHAT, json=chat(text, **fields), headers={"Authorization": f"Bearer {key}"})


def test_a_key_that_has_filled_its_share_is_told_so_and_another_key_gets_in(device: tuple[Daemon, KEYS]) -> None:
    async def scenario() -> None:
        running, keys = device
        async with asking(device, "greedy", 5) as client:
            refused = await ask(client, keys["greedy"], "one too many")
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) > 0
            assert refused.json()["error"]["code"] == "queue_full"
            assert "4 of your requests are waiting, which is your share" in refused.json()["error"]["message"]
            let_in = asyncio.create_task(ask(client, keys["modest"], "hello"))
            await until_active(running, 6)
            assert not let_in.done()
            let_in.cancel()

    asyncio.run(scenario())


def test_more_keys_give_a_person_no_more_places(device: tuple[Daemon, KEYS]) -> None:
    async def scenario() -> None:
        _, keys = device
        async with asking(device, "ada-1", 5) as client:
            assert (await ask(client, keys["ada-2"], "one too many")).status_code == 429

    asyncio.run(scenario())


def test_places_that_come_free_can_be_had_again(device: tuple[Daemon, KEYS]) -> None:
    async def scenario() -> None:
        _, keys = device
        async with asking(device, "greedy", 5) as client:
            assert (await ask(client, keys["greedy"], "too early")).status_code == 429
        async with asking(device, "greedy", 4) as client:
            again = asyncio.create_task(ask(client, keys["greedy"], "hello"))
            await until_active(device[0], 5)
            again.cancel()

    asyncio.run(scenario())


def test_a_request_that_does_not_fit_a_share_is_not_worth_a_retry(device: tuple[Daemon, KEYS]) -> None:
    async def scenario() -> None:
        running, keys = device
        async with httpx.AsyncClient(base_url=running.url, timeout=20, trust_env=False) as client:
            assert len((await ask(client, keys["greedy"], "hello", n=5)).json()["choices"]) == 5
            refused = await ask(client, keys["greedy"], "hello", n=6)
            assert refused.status_code == 400
            assert "at most 5" in refused.json()["error"]["message"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("identity", "peer", "who"),
    [
        (Identity("u1", "laptop", scopes=frozenset({"chat"})), "192.0.2.1", "u1"),
        (Identity("", "backup", scopes=frozenset({"chat"})), "192.0.2.1", "key backup"),
        (Identity(OPEN_USER, "everybody", "admin"), "192.0.2.1", "192.0.2.1"),
        (Identity(OPEN_USER, "everybody", "admin"), "127.0.0.1", ""),
    ],
)
def test_a_share_is_that_of_a_person_else_of_a_key_and_of_an_address_without_accounts(
    identity: Identity, peer: str, who: str
) -> None:
    request = Request[Identity | None, Any, Any]({"type": "http", "user": identity, "client": (peer, 1)})  # type: ignore[arg-type]
    assert asker(request) == who
