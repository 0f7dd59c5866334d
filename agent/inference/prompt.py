"""From a chat to tokens, so that nobody can forge a turn.

Chat templates mark turns with control tokens such as `<|im_end|>`. If a message contains the same characters, a
plain tokenizer makes real control tokens of them, and a pasted web page could speak as the assistant or the system.
So what users wrote is set aside during rendering and tokenized as plain text afterwards.
"""

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_THINK, _END_THINK = "<think>", "</think>"  # Qwen3, SmolLM3, DeepSeek-R1 and those that followed them


class Guard:
    """Takes texts of control tokens out of messages, and puts them back as plain text."""

    def __init__(self, controls: Iterable[str]) -> None:
        self._control = re.compile(_pattern(controls))
        # Private-use characters and a random number: nobody can write a placeholder by hand.
        self._nonce = secrets.token_hex(8)
        self._placeholder = re.compile(f"\ue000{self._nonce}:([0-9]{{1,9}})\ue001")

    def protect(self, messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the messages with placeholders, and the texts that they stand for."""
        found: list[str] = []

        def replace(match: re.Match[str]) -> str:
            found.append(match[0])
            return f"\ue000{self._nonce}:{len(found) - 1}\ue001"

        return [_map_strings(message, lambda text: self._control.sub(replace, text)) for message in messages], found

    def split(self, rendered: str, found: list[str]) -> Iterator[tuple[str, bool]]:
        """Yield the parts of a rendered prompt; True for those that come from the template and its plain content."""
        for number, part in enumerate(self._placeholder.split(rendered)):
            plain = number % 2 == 1
            yield ("".join(found[int(part) :][:1]), False) if plain else (part, True)  # no template is to be trusted


def opens_thinking(rendered: str) -> bool:
    """Tell whether a template has already opened the thinking of the answer, as those of some reasoning models do."""
    return rendered.rstrip().endswith(_THINK)


def so_far(thought: str, said: str, *, opened: bool) -> Iterator[tuple[str, bool]]:
    """Yield the parts of an answer that is to be continued: what was thought and said, as the model has put it."""
    if thought and not opened:
        yield f"{_THINK}\n", True
    if thought:
        yield thought, False
    if said and (thought or opened):
        yield f"\n{_END_THINK}\n\n", True
    if said:
        yield said, False


def tokenize(
    parts: Iterable[tuple[str, bool]], encode: Callable[[str, bool, bool], list[int]], *, begin: bool
) -> list[int]:
    """Tokenize parts in turn; `encode` gets a text, whether control tokens count in it, and whether BOS is due."""
    tokens: list[int] = []
    for text, special in parts:
        if text:
            tokens += encode(text, special, begin and not tokens)
    return tokens


def _pattern(texts: Iterable[str]) -> str:
    """Return a regular expression for any of the texts, the longest that fits.

    Common beginnings are shared, as in a tree: a plain list of 6,000 alternatives needs 10 µs for each `<`.
    """
    tree: dict[str, Any] = {}
    for text in filter(None, texts):
        node = tree
        for letter in text:
            node = node.setdefault(letter, {})
        node[""] = {}
    return _branch(tree) if tree else "(?!)"


def _branch(node: dict[str, Any]) -> str:
    branches = [re.escape(letter) + _branch(rest) for letter, rest in node.items() if letter]
    if not branches:
        return ""
    pattern = branches[0] if len(branches) == 1 and "" not in node else f"(?:{'|'.join(branches)})"
    return f"{pattern}?" if "" in node else pattern


def _map_strings(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401 - JSON values
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_map_strings(item, change) for item in value]
    if isinstance(value, dict):
        return {key: _map_strings(item, change) for key, item in value.items()}
    return value
