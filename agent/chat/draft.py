"""An answer while it grows: its thinking, its text, and both as pages show them."""

import time

from agent.chat.events import Event, Phase, Snapshot, Think
from agent.chat.log import EventLog
from agent.chat.records import Message
from agent.chat.thinking import Part, ThinkingSplitter


class Draft:
    """Collects text and writes what viewers need into the log."""

    def __init__(self, message: Message, log: EventLog) -> None:
        from agent.markdown.blocks import Blocks  # noqa: PLC0415 - Markdown: 20 ms and 3 MiB, for which the first answer is soon enough

        self.thinking = message.thinking
        self.text = message.text
        self.thinking_seconds = message.stats.thinking
        self._log = log
        self._blocks = Blocks()
        self._blocks.push(message.text)
        self._splitter = ThinkingSplitter.after(self.thinking, self.text, thinking=False)
        self._since = 0.0

    @property
    def thinks(self) -> bool:
        """Whether the model is thinking now."""
        return self._splitter.thinking

    def begin(self, *, thinks: bool) -> None:
        """Note that the answer begins, or goes on, inside the model's thinking or not."""
        self._splitter = ThinkingSplitter.after(self.thinking, self.text, thinking=thinks)
        self._since = time.monotonic()

    def push(self, text: str) -> None:
        """Add what the model has written."""
        self._add(self._splitter.push(text))

    def finish(self) -> None:
        """Add what was held back; nothing follows."""
        self._add(self._splitter.finish())
        for event in self._blocks.finish():
            self._log.append(event)
        self._log.flush()
        self.text, self.thinking = self.text.rstrip(), self.thinking.rstrip()

    def snapshot(self, phase: Phase) -> Snapshot:
        """Return everything up to now; the log must not hold anything back at this moment."""
        return Snapshot(html=self._blocks.html, open=self._blocks.open, thinking=self.thinking, phase=phase)

    def _add(self, parts: list[Part]) -> None:
        for kind, text in parts:
            events: list[Event]
            if kind == "thought":
                self.thinking += text
                self.thinking_seconds += time.monotonic() - self._since
                events = [Think(text)]
            else:
                self.text += text
                events = [*self._blocks.push(text)]
            self._since = time.monotonic()
            for event in events:
                self._log.append(event)
