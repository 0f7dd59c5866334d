"""TOML files that people write: read into a struct, and whatever is wrong is reported with its line."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from agent.errors import ConfigError
from agent.toml_lines import Key, find_line

T = TypeVar("T")

_MOST_SHOWN = 300  # characters
_FORM = "https://toml.io says how it is written."
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_MISSING = re.compile(r"Object missing required field `(.*)`")
_STEP = re.compile(r"\.([^.\[\]`]+)|\[(\d+)\]")


def read(path: Path, kind: type[T]) -> T:
    """Return the content of a TOML file as a struct of this kind.

    Raises:
        ConfigError: the file cannot be read, is not TOML, lacks a key or has one that the struct does not know, or
            has a value that does not fit.
    """
    text, content = parse(path)
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise _explain(path, text, kind, str(error)) from error


def parse(path: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file, and what it says.

    Raises:
        ConfigError: the file cannot be read, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows put a mark before it
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}.", hint="It must be a file that may be read, with text in UTF-8."
        ) from error
    try:
        return text, tomllib.loads(text)
    except RecursionError as error:
        raise ConfigError(f"{path} is nested too deeply.", hint=_FORM) from error
    except ValueError as error:  # TOMLDecodeError is one; others are of numbers with too many digits
        raise ConfigError(f"{path} is not TOML: {str(error).partition(';')[0][:_MOST_SHOWN]}.", hint=_FORM) from error


def _explain(path: Path, text: str, kind: type, problem: str) -> ConfigError:
    """Return what msgspec found, such as `Expected float, got str - at $.speed.matrix.value`, with line and hint."""
    problem, _, place = problem.partition(" - at `")
    keys: list[Key] = [name or int(index) for name, index in _STEP.findall(place.partition("[...]")[0])]
    unknown, missing = _UNKNOWN.fullmatch(problem), _MISSING.fullmatch(problem)
    inside = f" in {_spell(keys)}" if keys else ""
    hint = ""
    if unknown:
        what = f"there is no key {unknown[1]!r}{inside}"
        hint = _suggest(unknown[1], _fields(kind, keys))
        keys.append(unknown[1])
    elif missing:
        what = f"the key {missing[1]!r} is missing{inside}"
    else:
        what = f"{_spell(keys) or 'the file'} is wrong: {problem[:1].lower()}{problem[1:]}"
    return ConfigError(f"{path}, line {find_line(text, keys)}: {what.rstrip('.')}.", hint=hint)


def _spell(keys: Iterable[Key]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def _suggest(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    return f"Did you mean {close[0]!r}?" if close else f"The keys are {', '.join(known)}."


def _fields(kind: type, keys: Iterable[Key]) -> list[str]:
    """Return the names of the fields that the struct at this place has."""
    found = inspect.type_info(kind)
    for key in keys:
        found = _step(_bare(found), key)
    found = _bare(found)
    return [field.encode_name for field in found.fields] if isinstance(found, inspect.StructType) else []


def _step(kind: inspect.Type, key: Key) -> inspect.Type:
    if isinstance(kind, inspect.StructType):
        fields = kind.fields if isinstance(key, int) else [field for field in kind.fields if field.encode_name == key]
        return fields[key if isinstance(key, int) else 0].type
    if isinstance(kind, inspect.ListType | inspect.VarTupleType):
        return kind.item_type
    if isinstance(kind, inspect.TupleType) and isinstance(key, int):
        return kind.item_types[key]
    return kind


def _bare(kind: inspect.Type) -> inspect.Type:
    """Return the type without its description and, of several, the one that has something inside."""
    if isinstance(kind, inspect.Metadata):
        return _bare(kind.type)
    if isinstance(kind, inspect.UnionType):
        inner = (part for part in kind.types if isinstance(part, inspect.StructType | inspect.ListType))
        return next(inner, kind.types[0])
    return kind
