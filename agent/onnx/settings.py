"""The JSON files beside a graph: bounded, and asked by key with the type that is expected."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.errors import ModelFileError
from agent.gguf.reader import DOWNLOAD_AGAIN
from agent.onnx.reader import opened

MAX_BYTES = 8 << 20
_MAX_NUMBER = 2**31 - 1
_MAX_VALUES = 4096


@dataclass(frozen=True, slots=True)
class Settings:
    """One JSON object.

    Attributes:
        file: its name, for errors.
        values: what it holds; empty where there is no such file.
        path: the keys that lead to it inside of the file.
    """

    file: str
    values: dict[str, Any] = field(default_factory=dict)
    path: str = ""

    def __bool__(self) -> bool:
        return bool(self.values)

    def part(self, key: str) -> "Settings":
        """Return an object inside, empty where there is none."""
        value = self.values.get(key)
        return Settings(self.file, value if isinstance(value, dict) else {}, f"{self.path}{key}.")

    def parts(self, key: str) -> Iterator["Settings"]:
        """Yield the objects of a list inside."""
        values = self.values.get(key)
        for index, value in enumerate(values if isinstance(values, list) else []):
            if isinstance(value, dict):
                yield Settings(self.file, value, f"{self.path}{key}[{index}].")

    def text(self, key: str, default: str = "") -> str:
        """Return a text."""
        value = self.values.get(key)
        return value if isinstance(value, str) else default

    def flag(self, key: str) -> bool | None:
        """Return yes or no, or None where the file does not say."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str, default: int = 0, *, limit: int = _MAX_NUMBER) -> int:
        """Return a whole number.

        Raises:
            ModelFileError: it is negative, above the limit or no number.
        """
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
            raise self.error(key, f"{self.path}{key} is {value!r:.80}; it must be a whole number from 0 to {limit}")
        return value

    def token(self, key: str) -> int | None:
        """Return the number of a token; None where there is none: some files say -1."""
        value = self.values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

    def tokens(self, key: str) -> tuple[int, ...]:
        """Return the numbers of one token or of several."""
        value = self.values.get(key)
        found = value if isinstance(value, list) else [value]
        return tuple(one for one in found[:_MAX_VALUES] if isinstance(one, int) and one >= 0)

    def error(self, key: str, problem: str, *, hint: str = DOWNLOAD_AGAIN) -> ModelFileError:
        """Return the error that names this file and the wrong key."""
        return ModelFileError(f"{self.file}: {problem}.", field=f"{self.path}{key}", hint=hint)


def read_settings(path: Path) -> Settings:
    """Read a JSON file that may be missing.

    Raises:
        ModelFileError: it is unreadable, too long or holds no JSON object.
    """
    if not path.exists():
        return Settings(path.name)
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else error
        raise ModelFileError(f"{path.name}: it is no JSON text: {reason}.", field="json", hint=DOWNLOAD_AGAIN) from None
    if not isinstance(value, dict):
        raise ModelFileError(f"{path.name}: it holds no JSON object.", field="json", hint=DOWNLOAD_AGAIN)
    return Settings(path.name, value)


def read_text(path: Path, *, limit: int = MAX_BYTES) -> str:
    """Read a short text.

    Raises:
        ModelFileError: it is missing, unreadable, too long or not UTF-8.
    """
    with opened(path) as wire:
        if wire.size > limit:
            raise wire.error("size", f"it has {wire.size} bytes; at most {limit} are allowed")
        text = path.read_bytes()[: limit + 1]
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            raise wire.error("text", f"it is not UTF-8: {error.reason} at byte {error.start}") from error
