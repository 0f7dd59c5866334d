"""Which texts are computed together, and whose turn it is."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

RUN_TOKENS = 512  # of a run; more gives no more speed, but makes others and a cancel wait
_RUN_PLACES = 2 * RUN_TOKENS  # texts times the tokens of the longest, which is what attention computes


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a request: its number, its place among the others, its tokens."""

    request: int
    place: int
    tokens: Sequence[int]


@dataclass
class Turns:
    """The texts that wait, by request. Requests take turns text by text: a small one never waits for a large one."""

    _waiting: dict[int, deque[Text]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many requests wait."""
        return len(self._waiting)

    def add(self, request: int, texts: Sequence[Sequence[int]]) -> None:
        """Add the texts of a request, at least one; the longest come first, so that those of a run are alike."""
        found = [Text(request, place, tokens) for place, tokens in enumerate(texts)]
        self._waiting[request] = deque(sorted(found, key=lambda text: -len(text.tokens)))

    def drop(self, request: int) -> None:
        """Forget a request."""
        self._waiting.pop(request, None)

    def next_run(self) -> list[Text]:
        """Take out the texts of the next run: at least one, and of several no more than a run may have."""
        run: list[Text] = []
        tokens = longest = 0
        while self._waiting:
            request, texts = next(iter(self._waiting.items()))
            size = len(texts[0].tokens)
            tokens, longest = tokens + size, max(longest, size)
            if run and (tokens > RUN_TOKENS or longest * (len(run) + 1) > _RUN_PLACES):
                return run
            run.append(texts.popleft())
            del self._waiting[request]
            if texts:
                self._waiting[request] = texts  # behind the others
        return run
