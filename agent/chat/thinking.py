"""Telling what a model thinks from what it says, in a stream of text."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Part: TypeAlias = tuple[Literal["thought", "said"], str]

_MARKS = {"<think>": "</think>", "[THINK]": "[/THINK]"}  # Qwen3 and most others; Magistral


@dataclass(slots=True)
class ThinkingSplitter:
    """Splits an answer at the marks around thinking, which only its beginning can have.

    Attributes:
        thinking: whether what comes next is thought; set at the start when the prompt has opened the thinking.
    """

    thinking: bool = False
    _end: str = "</think>"
    _begun: bool = False  # whether something was said: marks after that are part of the answer
    _trim: bool = True  # whether white space is between parts, not in one
    _held: str = ""  # what may become a mark

    @classmethod
    def after(cls, thought: str, said: str, *, thinking: bool) -> "ThinkingSplitter":
        """Return one for an answer that goes on after what was thought and said already, or that begins."""
        return cls(thinking=thinking, _begun=bool(said), _trim=not (thought or said))

    def push(self, text: str) -> list[Part]:
        """Add text; returns what is certain now."""
        parts: list[Part] = []
        self._held += text
        while self._step(parts):
            pass
        return parts

    def finish(self) -> list[Part]:
        """Return what was held back, at the end of the answer."""
        parts: list[Part] = []
        held, self._held = self._held, ""
        self._add(parts, held)
        return parts

    def _step(self, parts: list[Part]) -> bool:
        """Take one piece out of what is held; False when more text is needed first."""
        if self.thinking:
            return self._think(parts)
        if self._begun:
            held, self._held = self._held, ""
            self._add(parts, held)
            return False
        start = self._held.lstrip()
        for mark, end in _MARKS.items():
            if start.startswith(mark):
                self.thinking, self._end, self._trim = True, end, True
                self._held = start.removeprefix(mark)
                return True
        if any(mark.startswith(start) for mark in _MARKS):  # also when there is nothing yet
            return False
        self._begun = True
        return True

    def _think(self, parts: list[Part]) -> bool:
        thought, mark, rest = self._held.partition(self._end)
        if mark:
            self._held = ""
            self._add(parts, thought.rstrip())
            self.thinking, self._begun, self._trim, self._held = False, True, True, rest
            return True
        kept = _possible_start(self._held, self._end)
        thought, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        self._add(parts, thought)
        return False

    def _add(self, parts: list[Part], text: str) -> None:
        if self._trim:
            text = text.lstrip()
        if text:
            self._trim = False
            parts.append(("thought" if self.thinking else "said", text))


def _possible_start(text: str, mark: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a mark."""
    return next((n for n in range(min(len(mark) - 1, len(text)), 0, -1) if mark.startswith(text[-n:])), 0)
