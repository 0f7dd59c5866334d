"""From the messages of a conversation to what the model is given, shortened where the context is too small for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent.chat.records import Message

USUAL_CONTEXT = 4096  # tokens; assumed while no model is loaded
_CHARACTERS_PER_TOKEN = 3.5  # English with current vocabularies has 4 to 4.5; other languages and code have less
_PER_MESSAGE = 8  # tokens of the marks around a message
_ANSWER_SHARE = 0.25  # of the context that is kept free for the answer
_KEPT_SHARE = 0.6  # of the context that a prompt takes at most after messages were left out: the next ones have room


@dataclass(frozen=True)
class Prompt:
    """What the model is given. `left_out` messages at the beginning of the conversation did not fit."""

    messages: list[dict[str, Any]]
    left_out: int


@dataclass(frozen=True)
class Room:
    """How much of the context a question would take: `tokens` of `context`, estimated."""

    tokens: int
    context: int

    @property
    def fits(self) -> bool:
        """Whether an answer finds room too."""
        return self.tokens <= room_for_prompt(self.context, 0)


def estimate(text: str) -> int:
    """Return about how many tokens a text has; characters beyond Latin, Greek and Cyrillic count as one each."""
    wide = sum(character > "\u2e7f" for character in text)
    return round((len(text) - wide) / _CHARACTERS_PER_TOKEN) + wide


def room_for_prompt(context: int, max_tokens: int) -> int:
    """Return how many tokens a prompt may have so that an answer finds room."""
    return context - min(max_tokens or context, round(context * _ANSWER_SHARE))


def build(path: Sequence[Message], texts: Sequence[str], *, system: str, context: int, max_tokens: int) -> Prompt:
    """Return the prompt for an answer to the last message of a path.

    What earlier answers have measured is used where it is known. Once messages are left out, the same ones stay left
    out until the rest is too long again: a prompt with the same beginning is read from the KV cache.

    Args:
        path: from the first message to the one to answer.
        texts: what the model is to read of each, attachments included.
        system: system prompt; empty for none.
        context: tokens that the model can read and write in all.
        max_tokens: of the answer, 0 for as many as fit.
    """
    before = next((message.stats.left_out for message in reversed(path) if message.role == "assistant"), 0)
    sizes = [_size(message, text) for message, text in zip(path, texts, strict=True)]
    fixed = estimate(system) + _PER_MESSAGE
    room = room_for_prompt(context, max_tokens)
    left_out = _turn_at(path, before)
    known = _known(path, sizes, left_out)
    if fixed + known > room:
        denser = max(1.0, known / sum(sizes[left_out:]))  # than was guessed
        while left_out < len(path) - 1 and fixed + denser * sum(sizes[left_out:]) > context * _KEPT_SHARE:
            left_out = _turn_at(path, left_out + 1)
    return Prompt(_messages(path[left_out:], texts[left_out:], system), left_out)


def shorten(path: Sequence[Message], texts: Sequence[str], prompt: Prompt, *, system: str) -> Prompt | None:
    """Return a shorter prompt after the engine has found that one too long; None when nothing can be left out."""
    kept = len(path) - prompt.left_out
    left_out = _turn_at(path, prompt.left_out + max(1, kept // 3))
    if left_out == prompt.left_out:
        return None
    return Prompt(_messages(path[left_out:], texts[left_out:], system), left_out)


def _size(message: Message, text: str) -> int:
    if message.role == "assistant" and message.stats.completion and not message.thinking:
        return message.stats.completion + _PER_MESSAGE
    return estimate(text) + _PER_MESSAGE


def _known(path: Sequence[Message], sizes: Sequence[int], left_out: int) -> int:
    """Return the tokens of the messages that are kept: measured up to the last answer, estimated from there."""
    for number in range(len(path) - 1, left_out, -1):
        message = path[number]
        if message.role == "assistant" and message.stats.prompt and message.stats.left_out == left_out:
            return message.stats.prompt + sizes[number] + sum(sizes[number + 1 :])
    return sum(sizes[left_out:])


def _turn_at(path: Sequence[Message], number: int) -> int:
    """Return the number of the user message at or after that one; a conversation begins with the user."""
    last = len(path) - 1
    return next((n for n in range(min(number, last), last) if path[n].role == "user"), last)


def _messages(path: Sequence[Message], texts: Sequence[str], system: str) -> list[dict[str, Any]]:
    first = [{"role": "system", "content": system}] if system else []
    turns = [{"role": message.role, "content": text} for message, text in zip(path, texts, strict=True)]
    return [*first, *turns]
