"""JSON schemas for llguidance: bounded, and read as llama.cpp reads them."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from llguidance import LLMatcher

if TYPE_CHECKING:  # only the library's stubs have this name
    from llguidance._lib import JsonCompileOptions

_MAX_PARTS = 64 * 1024
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_OPTIONS: "JsonCompileOptions" = {
    "whitespace_pattern": r" |\n{1,2}[ \t]{0,20}",  # llama.cpp's: small models fill a context with line breaks
    "whitespace_flexible": True,
    "coerce_one_of": True,
    "lenient": False,
}
_FORMATS = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid")
_MAPS = ("properties", "patternProperties", "$defs", "definitions")  # from names to schemas
_DATA = ("enum", "const", "default", "examples")


def from_schema(text: str) -> str:
    """Return a JSON schema as a grammar.

    Raises:
        ValueError: it is no JSON object, or too large.
        RecursionError: it is nested too deeply.
    """
    schema = json.loads(text, parse_constant=_refuse)
    if not isinstance(schema, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - about JSON, not about Python
    total = sum(_counts(schema))
    if total > _MAX_PARTS:  # each of them becomes a state of an automaton, or more
        raise ValueError(f"it is for texts, lists and numbers of {total:g} parts in all, more than {_MAX_PARTS}")
    plain = _plain(schema, closed='"allOf"' not in text)
    return str(LLMatcher.grammar_from_json_schema(json.dumps(plain), overrides=_OPTIONS))


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _counts(value: object) -> Iterator[float]:
    """Yield all numbers in a schema by which something is repeated, or by which numbers are divided."""
    if isinstance(value, dict):
        yield from (count for name in _COUNTS if isinstance(count := value.get(name), int | float))
        if type(step := value.get("multipleOf")) in {int, float}:
            yield float("".join(filter(str.isdigit, f"{Decimal(repr(step)).normalize():f}")))  # 0.25 counts as 25
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _counts(part)


def _plain(schema: Any, *, closed: bool) -> Any:  # noqa: ANN401 - JSON values
    """Return a schema as llama.cpp reads it: objects have no other properties, unknown formats do not count.

    Args:
        schema: or a list of them, or what is none.
        closed: close objects; not where several schemas apply to one object, as those would exclude each other.
    """
    if isinstance(schema, list):
        return [_plain(part, closed=closed) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _MAPS and isinstance(value, dict):
            result[name] = {key: _plain(part, closed=closed) for key, part in value.items()}
        elif name != "format" or value in _FORMATS:
            result[name] = value if name in _DATA else _plain(value, closed=closed)
    if closed and "properties" in schema and "patternProperties" not in schema:
        result.setdefault("additionalProperties", False)
    return result
