"""Text to tokens and back, by the `tokenizer.json` that comes with a model.

Two kinds of vocabulary are told apart, by what their decoder does: byte-level ones write each byte as a printable
character, those in the manner of SentencePiece write a space as ▁ and lone bytes as <0xNN>.
"""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer

from agent.errors import ModelFileError, RequestError

_BYTE = re.compile("<0x([0-9A-Fa-f]{2})>")
# Marks of turns that some files forget to call special; the same rule as in llama.cpp's converter.
_MARK = re.compile(r"<\|.*\|>|<\uff5c.*\uff5c>|<pad>|<mask>|<unused\d+>", re.DOTALL)
_PREFIXES = {
    "Prepend": ("prepend", ""),
    "Metaspace": ("prepend_scheme", "never"),
    "ByteLevel": ("add_prefix_space", False),
}


class Vocabulary:
    """The tokens of one model.

    Attributes:
        size: number of tokens: that of the logits, which may be more than the tokenizer knows.
        ends: tokens that end an answer.
        adds_bos: whether `tokenize` with `begin` puts the BOS token in front.

    Args:
        path: the `tokenizer.json`.
        size: width of the logits; 0 for as many as the tokenizer has.
        bos: text of the token that `tokenize` with `begin` puts in front; empty for none.
        eos: text of the end-of-sequence token; empty for none.
        ends: tokens that end an answer, besides the end-of-sequence token.

    Raises:
        ModelFileError: the file cannot be read.
    """

    def __init__(self, path: Path, *, size: int = 0, bos: str = "", eos: str = "", ends: Iterable[int] = ()) -> None:
        self._tokenizer = _load(path)
        self._bos = self._tokenizer.token_to_id(bos) if bos else None
        self.adds_bos = self._bos is not None
        last = self._tokenizer.token_to_id(eos) if eos else None
        self.ends = frozenset(ends) | (frozenset() if last is None else {last})
        self.size = size or self._tokenizer.get_vocab_size(with_added_tokens=True)
        self._declare_controls()
        self._added = self._tokenizer.get_added_tokens_decoder()
        self._controls = {token for token, added in self._added.items() if added.special}
        self._prefixes = [*_prefixes(self._tokenizer.normalizer), *_prefixes(self._tokenizer.pre_tokenizer)]
        stages = (self._tokenizer.decoder, self._tokenizer.pre_tokenizer)
        self._bytewise = any(kind == "ByteLevel" for stage in stages for kind, _ in _parts(stage))

    def tokenize(self, text: str, *, special: bool, begin: bool) -> list[int]:
        """Return token ids; `special` recognises control tokens in the text, `begin` puts BOS in front if due.

        Raises:
            RequestError: the tokenizer knows more tokens than the model, and the text has one of those.
        """
        self._tokenizer.encode_special_tokens = not special
        tokens = self._encode(text) if begin else self._encode_middle(text)
        if begin and self._bos is not None and tokens[:1] != [self._bos]:
            tokens.insert(0, self._bos)
        if tokens and max(tokens) >= self.size:
            raise RequestError(
                f"The text has the token {max(tokens)} and the model knows {self.size} of them.",
                hint="Its tokenizer.json may be that of another model; pull the model again.",
            )
        return tokens

    def controls(self) -> list[str]:
        """Return the texts that `tokenize` with `special` turns into control tokens."""
        return [self._added[token].content for token in self._controls]

    def is_control(self, token: int) -> bool:
        """Tell whether a token stands for no text of an answer."""
        return token in self._controls

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token as they appear in an answer.

        Raises:
            RequestError: there is no such token.
        """
        if not 0 <= token < self.size:
            raise RequestError(f"There is no token {token} in this model's vocabulary.")
        if token in self._controls:
            return b""
        text = self._tokenizer.id_to_token(token) or ""  # logits may have more columns than there are tokens
        if self._bytewise:
            return text.encode() if token in self._added else _from_alphabet(text)
        byte = _BYTE.fullmatch(text)
        return bytes.fromhex(byte[1]) if byte else text.replace("▁", " ").encode()

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of all tokens in turn."""
        return map(self.piece, range(self.size))

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _encode_middle(self, text: str) -> list[int]:
        """Tokenize what follows on other text, so that it gets no ▁ in front.

        What follows on a control token inside the text is left as the tokenizer has it, which is what the model
        was trained on.
        """
        if not self._prefixes:
            return self._encode(text)
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        tokens = encoding.ids
        first = next((at for at, token in enumerate(tokens) if token in self._controls), len(tokens))
        if first == 0:
            return tokens
        before = text[: encoding.offsets[first][0]] if first < len(tokens) else text
        return [*self._encode_bare(before), *tokens[first:]]

    def _encode_bare(self, text: str) -> list[int]:
        kept = [(part, name, getattr(part, name)) for part, name, _ in self._prefixes]
        for part, name, off in self._prefixes:
            setattr(part, name, off)
        try:
            return self._encode(text)
        finally:
            for part, name, value in kept:
                setattr(part, name, value)

    def _declare_controls(self) -> None:
        """Make control tokens of those that are ones but are not called so: else anyone could write them."""
        marks = [
            AddedToken(added.content, special=True, normalized=False, lstrip=added.lstrip, rstrip=added.rstrip)
            for token, added in self._tokenizer.get_added_tokens_decoder().items()
            if not added.special and (token in self.ends or _MARK.fullmatch(added.content))
        ]
        if marks:
            self._tokenizer.add_special_tokens(marks)


def _load(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library has no narrower class
        raise ModelFileError(
            f"The tokenizer {path} cannot be read: {error}.",
            field="tokenizer",
            hint="The file is damaged, or of a newer kind than this version knows: `edgewise models verify`.",
        ) from error
    tokenizer.no_truncation()  # some files cut every text at the length of the training examples
    tokenizer.no_padding()
    return tokenizer


def _parts(stage: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - normalizers, pre-tokenizers and decoders
    """Yield the name and the object of each step of a stage; sequences have their steps by number."""
    if stage is None:
        return
    described = json.loads(stage.__getstate__())
    steps = next((value for value in described.values() if isinstance(value, list)), [])
    if described["type"] != "Sequence":
        yield described["type"], stage
    elif type(stage).__name__ == "Sequence" and hasattr(stage, "__getitem__"):
        for number in range(len(steps)):
            yield from _parts(stage[number])
    else:  # those of decoders cannot be taken apart
        yield from ((step["type"], None) for step in steps)


def _prefixes(stage: Any) -> Iterator[tuple[Any, str, object]]:  # noqa: ANN401 - as above
    """Yield the steps that put a space in front of a text: the object, its attribute, the value for "off"."""
    for kind, part in _parts(stage):
        name, off = _PREFIXES.get(kind, ("", None))
        if name and getattr(part, name) != off:
            yield part, name, off


def _from_alphabet(text: str) -> bytes:
    known = _alphabet()
    return b"".join(known.get(letter) or letter.encode() for letter in text)


@cache
def _alphabet() -> dict[str, bytes]:
    """Return the byte of each character of GPT-2's alphabet: printable ones mean themselves, others start at U+0100."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): bytes([byte]) for byte in plain} | {
        chr(0x100 + number): bytes([byte]) for number, byte in enumerate(others)
    }
