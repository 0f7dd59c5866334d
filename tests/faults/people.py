"""People who use a device while it dies again and again, and who remember what it has promised them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import httpx

from tests.fake_hub import FakeHub
from tests.web.daemon import TRUST
from tests.web.settings.visiting import Visitor, forms

_MODELS = "/api/edgewise/models"


@dataclass
class Chatter:
    """Somebody who asks one thing after the other in the browser.

    Attributes:
        kept: what the device has said it has, by the conversation: questions, and whole answers.
        asked: how many questions so far, of all lives.
    """

    kept: dict[str, list[str]] = field(default_factory=dict)
    asked: int = 0

    def talk(self, url: str) -> None:
        """Ask until the device is gone."""
        visitor = Visitor(url)
        with visitor.http, suppress(httpx.HTTPError):
            while True:
                self._ask(visitor)

    def _ask(self, visitor: Visitor) -> None:
        self.asked += 1
        text = f"question {self.asked}" + " and so on" * (self.asked % 7)
        form = next(form for form in forms(visitor.open("/")) if form.action == "/c")
        reply = visitor.http.post("/c", data={**form.values, "text": f"!delay 4 {text}"})
        assert reply.status_code == 303, reply.text
        conversation, _, message = reply.headers["location"].removeprefix("/c/").partition("#m-")
        said = self.kept[conversation] = [f"!delay 4 {text}"]
        with visitor.http.stream("GET", f"/events?c={conversation}&m={message}") as events:
            for line in events.iter_lines():
                if line == "event: done":
                    said.append(text)  # the echo engine says the same again
                    return


@dataclass
class Fetcher:
    """Somebody who installs models from a hub.

    Attributes:
        begun: downloads that were begun.
    """

    hub: FakeHub
    references: list[str]
    begun: int = 0

    def fetch(self, url: str) -> None:
        """Fetch one model after the other until the device is gone."""
        with (
            httpx.Client(base_url=url, timeout=20, trust_env=False, verify=TRUST) as client,
            suppress(httpx.HTTPError),
        ):
            while True:
                self._go_on(client)
                time.sleep(0.05)

    def _go_on(self, client: httpx.Client) -> None:
        downloads = client.get(_MODELS).json()["downloads"]
        assert not {"paused", "failed"} & {download["state"] for download in downloads}, "nobody has to resume them"
        if not any(download["state"] in {"queued", "running"} for download in downloads) and self.references:
            reference = self.references[0]
            if client.post(f"{_MODELS}/pull", json={"reference": reference}).is_success:
                self.references.pop(0)
                self.begun += 1


@contextmanager
def busy(url: str, *people: Chatter | Fetcher) -> Iterator[None]:
    """Have people use the device for the block, which ends with its death."""
    threads = [
        threading.Thread(target=person.talk if isinstance(person, Chatter) else person.fetch, args=(url,))
        for person in people
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
