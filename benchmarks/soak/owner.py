"""What comes from the fleet and the owner: commands and jobs over MQTT, models that are fetched and deleted."""

import asyncio
import itertools

import httpx

from benchmarks.soak.book import Book, FailedError
from benchmarks.soak.place import MODEL, Place
from tests.fake_hub import Fault

_JOB_SECONDS = 180.0
_MODELS = "/api/edgewise/models"


async def commands(book: Book, place: Place) -> None:
    """Send commands, one after the other."""
    for number in itertools.count():
        async with book.doing("mqtt: ping"):
            await place.hub.ask("ping")
        if number % 5 == 0:
            async with book.doing("mqtt: say"):
                _require_ok(await place.hub.ask("say", prompt=f"Say hello to number {number}.", max_tokens=24))
        if number % 60 == 30:  # noqa: PLR2004 - every four minutes
            async with book.doing("mqtt: diagnostics"):
                _require_ok(await place.hub.ask("diagnostics", log_lines=50))
        await asyncio.sleep(4)


async def jobs(book: Book, place: Place) -> None:
    """Have the health of the model checked that serves; every third time more is asked than it can do."""
    artifact = {"url": f"{place.files.url}/plain/{MODEL}.gguf", "sha256": place.digest}
    for number in itertools.count(1):
        due, least = ("successful", 0.5) if number % 3 else ("failed", 1e9)
        health = {"min_tok_s": least, "prompts": [{"ask": "Hello, what is the capital of France?", "expect": ""}]}
        async with book.doing("mqtt: job"):
            job = {"type": "model_update", "artifact": artifact, "health": health}
            ended = await place.hub.job(number, job, _JOB_SECONDS)
            if ended != due:
                raise FailedError(f"failed: {ended} where {due} is due")
        await asyncio.sleep(110)


async def downloads(book: Book, place: Place) -> None:
    """Fetch a model from a source that breaks off and is overloaded, pause that, go on, delete it."""
    async with place.client(Authorization=f"Bearer {place.owner}") as client:
        _require(await client.post(f"{_MODELS}/use", json={"name": MODEL}))
        for number in itertools.count():
            async with book.doing("download"):
                place.files.script[:] = [
                    Fault(cut_after=1 << 20),
                    Fault(status=503, retry_after="1"),
                    Fault(trickle=0.02, cut_after=2 << 20),
                ]
                await _download(client, f"{place.files.url}/plain/soak.gguf", pause=number % 2 == 0)
            await asyncio.sleep(40)


async def _download(client: httpx.AsyncClient, reference: str, *, pause: bool) -> None:
    reply = await client.post(f"{_MODELS}/pull", json={"reference": reference, "name": "fetched"})
    _require(reply, 202)
    identifier = reply.json()["id"]
    if pause:
        await asyncio.sleep(1)
        _require(await client.post(f"{_MODELS}/{identifier}/pause"))
        await asyncio.sleep(1)
        _require(await client.post(f"{_MODELS}/{identifier}/resume"))
    async with asyncio.timeout(120):
        while (state := await _state(client, identifier)) not in {"done", "failed"}:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.5)
    if state == "failed":
        raise FailedError("download failed")
    _require(await client.delete(f"{_MODELS}/fetched"), 204)


async def _state(client: httpx.AsyncClient, identifier: str) -> str:
    reply = await client.get(_MODELS)
    _require(reply)
    found = {each["id"]: each["state"] for each in reply.json()["downloads"]}
    return str(found.get(identifier, "done"))


def _require(reply: httpx.Response, status: int = 200) -> None:
    if reply.status_code != status:
        raise FailedError(f"{reply.status_code} {reply.request.method} {reply.request.url.path}: {reply.text[:80]}")


def _require_ok(answer: dict[str, object]) -> None:
    if answer["status"] != "ok":
        raise FailedError(f"told {answer['status']} {answer['code']}")
