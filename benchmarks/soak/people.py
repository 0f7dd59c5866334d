"""People in browsers: they sign in, ask, watch, stop, ask anew, search, attach files, look around, tidy up."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx

from benchmarks.soak.book import Book, FailedError, Step
from benchmarks.soak.place import PASSWORD, Place

_QUESTIONS = (
    "Name three rivers and what they are known for.",
    "Write a short table of planets with their sizes.",
    "How do I boil an egg? Use a list.",
    "Write a Python function that adds two numbers, and explain it.",
    "Tell me a story about a lighthouse keeper.",
    "Was ist ein Regenbogen?",
)
_PAGES = ("/", "/device", "/models", "/settings", "/help", "/c/list", "/logs", "/presets", "/export.json")
_DOCUMENT = "The lighthouse keeper counted {} ships, {} gulls and one small paper boat.\n"
_WORDS = ("planets", "egg", "light", "Regen", "zzz")
_KEPT = 12  # conversations of a person
_PATIENCE = 180.0  # seconds for an answer: a hang of the engine and its restart are within
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_SHOWN = {"tail", "block", "more", "delta"}


class Browser:
    """One person with one browser."""

    def __init__(self, book: Book, place: Place, name: str) -> None:
        self._book = book
        self._place = place
        self._name = name
        self._chance = random.Random(name)  # noqa: S311 - the same load each time
        self._client = place.client(Origin=place.url)
        self._conversations: list[str] = []
        self._answers: dict[str, str] = {}  # the last one of each conversation

    async def run(self) -> None:
        """Go on until somebody ends this task."""
        try:
            while True:
                await self._sign_in()
                for _ in range(25):
                    await self._something()
                    await asyncio.sleep(self._chance.uniform(0.3, 4))
                await self._post("sign out", "/logout")
        finally:
            await self._client.aclose()

    async def _something(self) -> None:
        actions: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (6, self._begin),
            (6, self._go_on),
            (3, self._stop),
            (3, self._regenerate),
            (3, self._search),
            (2, self._attach),
            (6, self._look),
            (2, self._tab),
            (2, self._delete),
        ]
        weights = [weight for weight, _ in actions]
        await self._chance.choices(actions, weights)[0][1]()

    async def _sign_in(self) -> None:
        async with self._book.doing("sign in"):
            await sign_in(self._client, self._name)

    async def _begin(self) -> None:
        async with self._book.doing("chat: begin") as step:
            await self._ask(step, "/c", {"text": self._question()})

    async def _go_on(self) -> None:
        if conversation := self._some():
            async with self._book.doing("chat: go on") as step:
                await self._ask(step, f"/c/{conversation}/messages", {"text": self._question()})

    async def _attach(self) -> None:
        async with self._book.doing("chat: attach") as step:
            text = "".join(_DOCUMENT.format(n, 2 * n) for n in range(self._chance.randint(10, 60)))
            form = {"text": "How many ships were there?", "conversation": ""}
            await self._ask(step, "/c", form, files={"files": ("ships.txt", text.encode(), "text/plain")})

    async def _stop(self) -> None:
        async with self._book.doing("chat: stop") as step:
            conversation, message = await self._send(
                "/c", {"text": "Tell me a very long story about the sea.", "max_tokens": "300"}
            )
            await asyncio.sleep(self._chance.uniform(0.1, 2))
            _require(await self._client.post(f"/m/{message}/stop"), 303)
            await self._watch(step, conversation, message)

    async def _regenerate(self) -> None:
        conversation = self._some()
        if not conversation or conversation not in self._answers:
            return
        async with self._book.doing("chat: regenerate") as step:
            reply = await self._client.post(f"/m/{self._answers[conversation]}/regenerate")
            await self._watch(step, *self._asked(reply))

    async def _search(self) -> None:
        async with self._book.doing("search"):
            _require(await self._client.get("/search", params={"q": self._chance.choice(_WORDS)}))

    async def _look(self) -> None:
        path = self._chance.choice(_PAGES if self._name == "Ada" else _PAGES[:1])
        if (conversation := self._some()) and self._chance.random() < 0.5:  # noqa: PLR2004 - as often
            path = f"/c/{conversation}"
        async with self._book.doing("page"):
            _require(await self._client.get(path))

    async def _tab(self) -> None:
        """Leave a page open where nothing happens."""
        async with self._book.doing("tab"):
            try:
                async with asyncio.timeout(self._chance.uniform(5, 25)):
                    async for _ in self._events({}):
                        pass
            except TimeoutError:
                return
            raise FailedError("stream broke")

    async def _delete(self) -> None:
        if len(self._conversations) > _KEPT // 2:
            await self._post("delete", f"/c/{self._forget()}/delete")

    async def _post(self, what: str, path: str) -> None:
        async with self._book.doing(what):
            _require(await self._client.post(path), 303)

    def _question(self) -> str:
        return self._chance.choice(_QUESTIONS)

    def _some(self) -> str:
        return self._chance.choice(self._conversations) if self._conversations else ""

    def _forget(self) -> str:
        conversation = self._conversations.pop(0)
        self._answers.pop(conversation, None)
        return conversation

    async def _ask(self, step: Step, path: str, form: dict[str, str], files: object = None) -> None:
        conversation, message = await self._send(path, {"max_tokens": "96", **form}, files)
        await self._watch(step, conversation, message)
        self._answers[conversation] = message

    async def _send(self, path: str, form: dict[str, str], files: object = None) -> tuple[str, str]:
        reply = await self._client.post(path, data=form, files=files)  # type: ignore[arg-type]  # as httpx takes it
        return self._asked(reply)

    def _asked(self, reply: httpx.Response) -> tuple[str, str]:
        _require(reply, 303)
        conversation, _, message = reply.headers["location"].removeprefix("/c/").partition("#m-")
        if conversation not in self._conversations:
            self._conversations.append(conversation)
        return conversation, message

    async def _watch(self, step: Step, conversation: str, message: str) -> None:
        """Be an open page until the answer has ended; now and then lose the connection meanwhile."""
        shown, last, cut = {"c": conversation, "m": message}, "", self._chance.random() < 0.2  # noqa: PLR2004 - each fifth
        async with asyncio.timeout(_PATIENCE):
            while True:
                async for event, data, number in self._events(shown, last):
                    last = number or last
                    if event in _SHOWN or (event == "snapshot" and (data["html"] or data["open"])):
                        step.heard()
                    if event == "done" and data["message"] == message:
                        await self._look_at_end(message, data["state"])
                        return
                    if cut and step.first:
                        cut = False
                        break

    async def _look_at_end(self, message: str, state: str) -> None:
        """Have the answer as a whole, as the page does, and see how it ended."""
        reply = await self._client.get(f"/m/{message}", headers={"HX-Request": "true"})
        _require(reply)
        if "failed" in {state, *re.findall(r'data-state="(\w+)"', reply.text)}:
            raise FailedError("failed")

    async def _events(self, shown: dict[str, str], last: str = "") -> AsyncIterator[tuple[str, dict[str, str], str]]:
        """Yield name, content and number of events."""
        headers = {"Last-Event-ID": last} if last else {}
        async with self._client.stream("GET", "/events", params=shown, headers=headers) as reply:
            if not reply.is_success:
                await reply.aread()
            _require(reply)
            event = number = ""
            async for line in reply.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "id":
                    number = value
                elif name == "data":
                    yield event, json.loads(value), number
                    event = number = ""


async def sign_in(client: httpx.AsyncClient, name: str) -> None:
    """Begin a session of a person; what the client sends from now on is theirs."""
    client.cookies.clear()
    _require(await client.post("/login", data={"name": name, "password": PASSWORD}), 303)
    reply = await client.get("/")
    _require(reply)
    found = _CSRF.search(reply.text)
    if found is None:
        raise FailedError("no csrf token on the page")
    client.headers["X-CSRF-Token"] = found[1]


def _require(reply: httpx.Response, status: int = 200) -> None:
    """Complain about another answer than the one that is due."""
    if reply.status_code != status:
        heading = re.search(r"<h1[^>]*>(.*?)</h1>", reply.text, re.DOTALL)
        where = re.sub(r"[0-9a-f-]{16,}|[A-Za-z0-9_-]{20,}", "ID", reply.request.url.path)
        raise FailedError(f"{reply.status_code} {reply.request.method} {where} {heading[1] if heading else ''}".strip())
