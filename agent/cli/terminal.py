"""A chat partner for the terminal commands: the running daemon if there is one, else an engine of our own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec.structs import replace

from agent.cli.daemon import connection
from agent.config import Config, engine_environment
from agent.engines import Sampling
from agent.errors import EngineError, EngineUnavailableError
from agent.inference import frames
from agent.node import Node

if TYPE_CHECKING:
    import httpx

_POLL = 0.1  # seconds between two looks at a node that loads


@dataclass(frozen=True)
class Piece:
    """Some more text of an answer."""

    text: str


@dataclass(frozen=True)
class Cost:
    """What an answer took: tokens, seconds to the first one, tokens per second after it."""

    prompt: int
    cached: int
    completion: int
    first: float
    rate: float


class Partner(Protocol):
    """Somebody who answers."""

    model: str

    def answer(self, messages: list[dict[str, Any]]) -> AsyncIterator[Piece | Cost]:
        """Answer a conversation: pieces of text, then what it cost."""


@asynccontextmanager
async def partner(config: Config) -> AsyncIterator[Partner]:
    """Connect to the daemon at the configured address, or load a model here.

    Raises:
        EdgewiseError: neither works.
    """
    import httpx

    async with httpx.AsyncClient(**connection(config), timeout=httpx.Timeout(10, read=600)) as client:
        try:
            health = (await client.get("/healthz", timeout=2)).json()
        except (httpx.HTTPError, ValueError):
            health = {}
        if "version" in health:
            if health["status"] != "ok":
                detail = health.get("detail", "")
                raise EngineUnavailableError(f"The daemon at {client.base_url} is not ready: {detail}")
            yield Remote(client, health["model"])
            return
    node = Node(here_and_now(config), engine_environment())
    node.start()
    try:
        await ready(node)
        yield Local(node)
    finally:
        await node.stop()


def here_and_now(config: Config) -> Config:
    """Return the settings for a node that lives as long as one command: it does not fetch better models."""
    return replace(config, fetch_models=False)


async def ready(node: Node) -> None:
    """Wait until a node has loaded its model.

    Raises:
        EngineUnavailableError: it cannot.
    """
    while (health := node.health()).status != "ok":
        if health.status == "failed":
            raise EngineUnavailableError(health.detail, hint=health.hint)
        await asyncio.sleep(_POLL)


class Remote:
    """The daemon, over HTTP."""

    def __init__(self, client: "httpx.AsyncClient", model: str) -> None:
        self._client = client
        self.model = model

    async def answer(self, messages: list[dict[str, Any]]) -> AsyncIterator[Piece | Cost]:
        """Stream an answer from `/v1/chat/completions`."""
        body = {"messages": messages, "stream": True, "stream_options": {"include_usage": True}}
        async with self._client.stream("POST", "/v1/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                data = line.removeprefix("data: ") if response.is_success else line
                if not data or data.startswith((":", "[DONE]")):
                    continue
                chunk = msgspec.json.decode(data)
                if "error" in chunk:
                    raise EngineError(chunk["error"]["message"])
                for choice in chunk["choices"]:
                    if text := choice["delta"].get("content"):
                        yield Piece(text)
                if timings := chunk.get("timings"):
                    yield Cost(
                        prompt=timings["prompt_n"] + timings["cache_n"],
                        cached=timings["cache_n"],
                        completion=timings["predicted_n"],
                        first=timings["prompt_ms"] / 1000,
                        rate=timings["predicted_per_second"],
                    )


class Local:
    """An engine of our own."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.model = node.health().model

    async def answer(self, messages: list[dict[str, Any]]) -> AsyncIterator[Piece | Cost]:
        """Stream an answer from the engine process."""
        sampling = Sampling(temperature=0.8, top_k=40, top_p=0.95, min_p=0.05)
        answer = self._node.generate(frames.Generate(0, sampling, messages=messages))
        try:
            while events := await answer.events():
                for event in events:
                    if isinstance(event, frames.Delta):
                        yield Piece(event.text)
                    if isinstance(event, frames.Finished):
                        yield cost(event.timings)
        finally:
            answer.cancel()


def cost(timings: frames.Timings) -> Cost:
    """Return the cost of an answer from the engine's timings."""
    rate = (timings.completion - 1) / timings.decode if timings.decode else 0.0
    return Cost(timings.prompt, timings.cached, timings.completion, timings.queued + timings.prefill, rate)
