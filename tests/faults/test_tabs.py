"""One person with more tabs than anybody has, the same form sent twice, and forms from before the back button."""

import asyncio
import itertools
import time
from pathlib import Path

import httpx
import pytest

from tests.faults.crowds import percentiles
from tests.faults.device import device
from tests.faults.table import Table
from tests.faults.test_disk import ACCOUNTS, PASSWORD, inhabit
from tests.web.settings.visiting import forms, visiting

TABS = 50
SERVED = 12


async def open_tabs(client: httpx.AsyncClient) -> tuple[list[int], list[float]]:
    """Load a page in each of many tabs, and open its stream; return the statuses of the streams, and the seconds."""
    seconds = []

    async def page() -> None:
        began = time.monotonic()
        (await client.get("/")).raise_for_status()
        seconds.append(time.monotonic() - began)

    async def stream() -> int:
        async with client.stream("GET", "/events") as events:
            if events.status_code == 200:
                told = events.aiter_bytes()  # httpx hangs up when nobody has this any more
                await anext(told)
                await done.wait()
            else:
                assert events.headers["retry-after"].isdecimal()
            return events.status_code

    done = asyncio.Event()
    await asyncio.gather(*(page() for _ in range(TABS)))
    streams = [asyncio.create_task(stream()) for _ in range(TABS)]
    for refused in itertools.islice(asyncio.as_completed(streams), TABS - SERVED):
        assert await refused == 429
    await page()
    done.set()
    return list(await asyncio.gather(*streams)), seconds


@pytest.mark.chaos
def test_fifty_tabs_of_one_person_all_show_their_page_and_twelve_are_told_what_happens(
    tmp_path: Path, table: Table
) -> None:
    state = tmp_path / "state"
    asyncio.run(inhabit(state))
    with device(state, *ACCOUNTS) as device_, visiting(device_.daemon.url, "Ada", PASSWORD) as ada:

        async def scenario() -> tuple[list[int], list[float]]:
            limits = httpx.Limits(max_connections=2 * TABS)
            async with httpx.AsyncClient(
                base_url=device_.daemon.url, cookies=ada.http.cookies, timeout=60, limits=limits, trust_env=False
            ) as client:
                await open_tabs(client)  # and once more, when these are closed
                return await open_tabs(client)

        statuses, seconds = asyncio.run(scenario())
        assert sorted(statuses) == [200] * SERVED + [429] * (TABS - SERVED)
        table.add("50 tabs of one person: seconds for a page (median, 95 %, most)", *percentiles(seconds))
        assert "Traceback" not in device_.log()


@pytest.mark.chaos
def test_a_form_that_is_sent_twice_and_one_from_before_the_back_button_lose_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    asyncio.run(inhabit(state))
    with device(state, *ACCOUNTS) as device_, visiting(device_.daemon.url, "Ada", PASSWORD) as ada:
        old = next(form for form in forms(ada.open("/")) if form.action == "/c")

        def send(text: str) -> str:
            reply = ada.http.post("/c", data={**old.values, "text": text})
            assert reply.status_code == 303, reply.text
            return str(reply.headers["location"])

        places = {send("the same from two tabs"), send("the same from two tabs"), send("after the back button")}
        assert len(places) == 3
        thread = next(iter(places)).partition("#")[0]
        form = next(form for form in forms(ada.open(thread)) if form.action == f"{thread}/messages")
        replies = [ada.http.post(form.action, data={**form.values, "text": f"more {number}"}) for number in range(2)]
        assert replies[0].status_code == 303
        assert replies[1].status_code == 303 or "still being written" in replies[1].text
        assert all(f"more {number}" in ada.open(thread) for number in range(2) if replies[number].status_code == 303)
        ada.http.post("/logout", data={"csrf": old.values["csrf"]})
        ada.sign_in("Ada", PASSWORD)
        reply = ada.http.post("/c", data={**old.values, "text": "with the form of an earlier session"})
        assert reply.status_code == 403
        assert len(device_.query("SELECT id FROM conversations")) == 3
