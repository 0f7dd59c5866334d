"""`GET /api/edgewise/selection`: the choice as JSON, in every state of the daemon."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from agent.selection import Selection
from tests.selecting import MODEST, Entry, know_speed, small_model, write_family
from tests.stewarding import install
from tests.web.daemon import Daemon, daemon, eventually, offline
from tests.web.documented import assert_documented

PATH = "/api/edgewise/selection"


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that serves the only model it has, and knows a better one that it may not fetch."""
    home = tmp_path_factory.mktemp("chosen")
    config = offline(home)
    write_family(home, Entry("best", "hf:me/it/best.gguf", 2_000_000))
    asyncio.run(know_speed(config, MODEST))
    asyncio.run(install(config, small_model(home / "mine.gguf")))
    with daemon(home, "--engine", "llama_cpp", "--context", "256", "--parallel", "2") as running:
        eventually(lambda: running.http.get(PATH).json()["coming"], 10)
        yield running


def test_tells_what_serves_what_was_chosen_and_why(chosen: Daemon) -> None:
    reply = chosen.http.get(PATH)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("application/json")
    body = reply.json()
    assert (body["serving"], body["wanted"], body["failures"]) == ("mine", "", [])
    selection = msgspec.convert(body["selection"], Selection)
    assert selection.model
    assert selection.reason
    assert all(entry.reason for entry in selection.rejected)
    assert any(entry.installed == "mine" for entry in (selection, *selection.rejected))


def test_the_choice_and_the_models_are_as_documented(chosen: Daemon) -> None:
    for path in (PATH, "/api/edgewise/models", "/v1/models", "/healthz"):
        reply = chosen.http.get(path)
        assert reply.status_code == 200
        assert_documented(chosen, reply, path)


def test_has_the_keys_that_programs_rely_on(chosen: Daemon) -> None:
    selection = chosen.http.get(PATH).json()["selection"]
    assert {"profile", "model", "file", "engine", "quantization", "context_length", "parallel"} <= selection.keys()
    assert {"weights", "kv_cache", "compute", "overhead", "total"} <= selection["memory"].keys()
    assert {"prefill", "decode"} <= selection["predicted"].keys()
    assert {"reason", "verdict", "score_parts"} <= selection["rejected"][0].keys()


def test_says_what_would_be_better_and_why_it_is_not_there(chosen: Daemon) -> None:
    body = chosen.http.get(PATH).json()
    assert (
        body["coming"]
        == f"{body['selection']['title']} cannot be fetched: The setting `offline` forbids the use of the network."
    )
    assert chosen.health()["detail"] == f"mine is ready. {body['coming']}"


def test_a_choice_that_was_not_made_yet_is_503_and_worth_waiting_for(tmp_path: Path) -> None:
    replies: list[httpx.Response] = []

    def made(looking: Daemon) -> bool:
        replies.append(looking.http.get(PATH))
        return replies[-1].status_code == 200

    with daemon(tmp_path, "--engine", "llama_cpp", ready=False) as looking:
        eventually(lambda: made(looking), 10)
    for reply in replies[:-1]:
        assert reply.status_code == 503
        assert int(reply.headers["retry-after"]) > 0
        assert reply.json()["error"]["message"] == "Looking at this computer."
    body = replies[-1].json()
    assert (body["serving"], body["wanted"]) == ("", "")


def test_a_choice_that_cannot_be_made_is_503_with_the_reason(tmp_path: Path) -> None:
    flags = ("--engine", "llama_cpp", "--profile", "nonsense")
    with daemon(tmp_path, *flags, ready=False) as failing:
        eventually(lambda: failing.health()["status"] == "failed", 10)
        reply = failing.http.get(PATH)
        assert reply.status_code == 503
        assert reply.headers["x-should-retry"] == "false"
        assert "no firmware profile 'nonsense'" in reply.json()["error"]["message"]
        assert "generic-x86" in failing.health()["hint"]


def test_an_engine_without_a_model_has_nothing_to_choose(echo: Daemon) -> None:
    reply = echo.http.get(PATH)
    assert reply.status_code == 503
    assert reply.headers["x-should-retry"] == "false"
    assert "'echo' needs no model" in reply.json()["error"]["message"]


def test_is_not_for_foreign_pages(chosen: Daemon) -> None:
    assert chosen.http.get(PATH, headers={"Origin": "https://elsewhere.example"}).status_code == 403
