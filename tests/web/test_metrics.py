"""`/metrics`: who may read it, and that it counts what a real daemon does."""

import asyncio
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.web.daemon import Daemon
from tests.web.door.house import STRANGER, Visitor, house

PATH = "/metrics"
HERE = Visitor({"host": "localhost:8080"}, peer="127.0.0.1")
PROXY = Visitor(peer="127.0.0.1")


def value(daemon: Daemon, name: str) -> float:
    """Return the sum of a metric's samples of that name."""
    families = text_string_to_metric_families(daemon.http.get(PATH).text)
    return sum(sample.value for family in families for sample in family.samples if sample.name == name)


def test_is_for_keys_with_its_scope_and_for_the_device_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            ada = await device.person("Ada", "admin")
            chat, own, admin = [await device.program(scope) for scope in ("chat", "metrics", "admin")]
            asked = [await device.ask("GET", PATH, who) for who in (STRANGER, PROXY, ada, chat, own, admin, HERE)]
            assert [reply.status_code for reply in asked] == [401, 401, 401, 403, 200, 200, 200]

    asyncio.run(scenario())


def test_a_wrong_key_is_no_better_for_coming_from_the_device_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            wrong = HERE.but(authorization="Bearer esk_wrong")
            assert (await device.ask("GET", PATH, wrong)).status_code == 401

    asyncio.run(scenario())


def test_a_key_for_metrics_reads_nothing_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            key = await device.program("metrics")
            for route in device.routes():
                if route.access.startswith("key:") and route.path != PATH:
                    assert (await device.ask(route.method, route.path, key)).status_code == 403, route

    asyncio.run(scenario())


def test_the_format_is_the_one_that_is_asked_for(echo: Daemon) -> None:
    plain = echo.http.get(PATH)
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    wanted = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"
    strict = echo.http.get(PATH, headers={"Accept": wanted})
    assert strict.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert strict.text.endswith("# EOF\n")


def test_an_answer_is_counted_and_its_words_are_nowhere(echo: Daemon) -> None:
    names = ("edgewise_requests_total", "edgewise_completion_tokens_total", "edgewise_ttft_seconds_count")
    before = [value(echo, name) for name in names]
    assert echo.ask("a secret word: xylophone").status_code == 200
    after = [value(echo, name) for name in names]
    assert all(late > early for early, late in zip(before, after, strict=True))
    assert "xylophone" not in echo.http.get(PATH).text


def test_a_request_that_fails_is_counted_by_its_kind(echo: Daemon) -> None:
    before = value(echo, "edgewise_requests_failed_total")
    assert echo.ask("word " * 100_000).status_code == 400
    assert value(echo, "edgewise_requests_failed_total") == before + 1
    assert 'kind="ContextOverflowError"' in echo.http.get(PATH).text
