"""Programs: the openai client in all its ways, wrong requests, slow clients, vectors, and whoever reads the metrics."""

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import openai

from benchmarks.soak.book import Book, FailedError, Step
from benchmarks.soak.place import Place

_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
_TEXTS = ("the cat", "a dog", "the dog", "zebra")
_LONG = "The keeper counted ships and gulls. " * 4000
_CHAT = "/v1/chat/completions"


class Program:
    """One program with a key."""

    def __init__(self, book: Book, place: Place, number: int) -> None:
        self._book = book
        self._place = place
        self._chance = random.Random(number)  # noqa: S311 - the same load each time
        self._http = place.client()
        self._client = openai.AsyncOpenAI(base_url=f"{place.url}/v1", api_key=place.key, max_retries=0, timeout=150)

    async def run(self) -> None:
        """Go on until somebody ends this task."""
        actions: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (4, self._whole),
            (6, self._stream),
            (2, self._schema),
            (3, self._cancel),
            (3, self._wrong),
            (1, self._several),
            (1, self._slow),
            (1, self._dribble),
            (2, self._metrics),
        ]
        weights = [weight for weight, _ in actions]
        try:
            while True:
                await self._chance.choices(actions, weights)[0][1]()
                await asyncio.sleep(self._chance.uniform(0.2, 3))
        finally:
            await self._http.aclose()
            await self._client.close()

    def _body(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        question = f"Tell me something about the number {self._chance.randint(1, 10_000)}."
        messages = [{"role": "user", "content": question}]
        return {"model": "default", "messages": messages, "max_tokens": self._chance.choice((8, 32, 96)), **more}

    async def _whole(self) -> None:
        async with self._doing("api: whole"):
            reply = await self._client.chat.completions.create(**self._body())
            _expect(bool(reply.choices[0].message.content), "an empty answer")

    async def _stream(self) -> None:
        async with self._doing("api: stream") as step:
            finished = ""
            async for chunk in await self._client.chat.completions.create(**self._body(stream=True)):
                if chunk.choices and chunk.choices[0].delta.content:
                    step.heard()
                if chunk.choices:
                    finished = chunk.choices[0].finish_reason or finished
            _expect(finished in {"stop", "length"}, "stream broke: no end")

    async def _schema(self) -> None:
        async with self._doing("api: schema"):
            wanted = {"type": "json_schema", "json_schema": {"name": "place", "schema": _SCHEMA, "strict": True}}
            reply = await self._client.chat.completions.create(**self._body(response_format=wanted))
            choice = reply.choices[0]
            if choice.finish_reason == "stop":
                found = json.loads(choice.message.content or "")
                _expect(set(found) == {"city", "people"}, "not what the schema says")

    async def _cancel(self) -> None:
        async with self._doing("api: cancel") as step:
            answer = await self._client.chat.completions.create(**self._body(stream=True))
            async for _ in answer:
                step.heard()
                if self._chance.random() < 0.3:  # noqa: PLR2004 - after three pieces, mostly
                    break
            await answer.close()

    async def _several(self) -> None:
        async with self._doing("api: several"):
            reply = await self._client.chat.completions.create(**self._body(n=2, logprobs=True, top_logprobs=5))
            _expect(len(reply.choices) == 2, "not two answers")  # noqa: PLR2004 - as asked

    async def _wrong(self) -> None:
        """Send what must be refused, in the way that it must be."""
        key = {"Authorization": f"Bearer {self._place.key}"}
        body = self._body()
        long = [{"role": "user", "content": _LONG}]
        status, headers, content = self._chance.choice(
            (
                (401, {"Authorization": "Bearer ew-nobody"}, json.dumps(body)),
                (404, key, json.dumps(body | {"model": "nobody"})),
                (400, key, json.dumps(body | {"temperature": "warm"})),
                (400, key, "{"),
                (400, key, json.dumps(body | {"messages": long})),
                (400, key, json.dumps(body | {"messages": []})),
            )
        )
        async with self._book.doing("api: wrong"):
            reply = await self._http.post(_CHAT, content=content, headers=headers)
            _expect(reply.status_code == status, f"{reply.status_code} where {status} is due")

    async def _slow(self) -> None:
        """Ask for much and read next to nothing of it, then go away."""
        async with self._book.doing("api: slow reader"):
            data = json.dumps(self._body(stream=True, max_tokens=400, logprobs=True, top_logprobs=20)).encode()
            async with self._connection() as (reader, writer):
                writer.write(self._head(len(data)) + data)
                for _ in range(15):
                    if not await reader.read(200):
                        return
                    await asyncio.sleep(1)

    async def _dribble(self) -> None:
        """Announce a body and send hardly any of it; the device is to end that."""
        async with self._book.doing("api: slow writer"), self._connection() as (reader, writer):
            writer.write(self._head(100_000))
            async with asyncio.timeout(120):
                with contextlib.suppress(ConnectionError):
                    while not reader.at_eof():
                        writer.write(b" ")
                        await writer.drain()
                        await _read_for(reader, 1.0)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        url = httpx.URL(self._place.url)
        reader, writer = await asyncio.open_connection(url.host, url.port, limit=1024)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    def _head(self, length: int) -> bytes:
        lines = (f"POST {_CHAT} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self._place.key}")
        return "\r\n".join((*lines, "Content-Type: application/json", f"Content-Length: {length}", "", "")).encode()

    async def _metrics(self) -> None:
        async with self._book.doing("metrics"):
            reply = await self._http.get("/metrics")
            _expect(reply.status_code == httpx.codes.OK, f"{reply.status_code} GET /metrics")
            reply = await self._http.get("/v1/models", headers={"Authorization": f"Bearer {self._place.key}"})
            _expect(reply.status_code == httpx.codes.OK, f"{reply.status_code} GET /v1/models")

    @contextlib.asynccontextmanager
    async def _doing(self, what: str) -> AsyncIterator[Step]:
        """Note a step in which the openai client is used."""
        async with self._book.doing(what) as step:
            with _told():
                yield step

    async def vectors(self) -> None:
        """Ask for vectors for four minutes, then for none until the process has ended, and so on."""
        for number in itertools.count(1):
            async with self._doing("api: vectors"):
                texts = list(_TEXTS[: number % len(_TEXTS) + 1])
                reply = await self._client.embeddings.create(model="all-MiniLM-L6-v2", input=texts)
                _expect(len(reply.data) == len(texts), "another number of vectors")
            await asyncio.sleep(330 if number % 60 == 0 else 4)


@contextlib.contextmanager
def _told() -> Any:  # noqa: ANN401 - an iterator
    """Turn what the openai client raises into kinds of errors."""
    try:
        yield
    except openai.APIStatusError as error:
        raise FailedError(f"{error.status_code} {error.code}") from error
    except openai.APITimeoutError as error:
        raise FailedError("no answer in time") from error
    except openai.APIConnectionError as error:
        raise FailedError(f"connection: {error.__cause__!r}") from error
    except openai.APIError as error:
        raise FailedError(f"stream broke: {error.code}") from error


def _expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - a statement, not a switch
    if not holds:
        raise FailedError(otherwise)


async def _read_for(reader: asyncio.StreamReader, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await reader.read(1024)
