"""How a graph keeps the keys and values of past tokens, and who can run it."""

import re
from dataclasses import dataclass
from typing import Literal

from agent.onnx.graph import Graph, Value
from agent.onnx.layout import Names

_FLOATS = {"f32", "f16", "bf16"}

CacheKind = Literal["shared", "growing"]


@dataclass(frozen=True, slots=True)
class Caches:
    """The caches of a graph.

    Attributes:
        kind: `shared` where past and present may be one buffer, `growing` where the present is the past and more.
        layers: those that have caches.
        type: of keys and values, such as `f32`.
        kv_heads: of each, 0 where the graph does not say.
        head_size: elements of one key, 0 where the graph does not say.
        obstacle: why a plain loop over tokens cannot run the graph, or an empty string.
    """

    kind: CacheKind
    layers: tuple[int, ...]
    type: str
    kv_heads: int
    head_size: int
    obstacle: str


def read_caches(graph: Graph, names: Names) -> Caches:
    """Return how a graph keeps past tokens."""
    pasts = {key: _matching(graph.inputs, pattern) for key, pattern in _past(names).items()}
    presents = {key: _matching(graph.outputs, pattern) for key, pattern in _present(names).items()}
    keys = pasts["key"]
    first = next(iter(keys.values()), Value("", "", ()))
    inputs = {value.name for found in pasts.values() for value in found.values()}
    return Caches(
        kind="shared" if inputs and inputs <= _grouped(graph) else "growing",
        layers=tuple(sorted(keys)),
        type=first.type,
        kv_heads=_size(first, 1),
        head_size=_size(first, 3),
        obstacle=_obstacle(graph, names, inputs, pasts, presents),
    )


def _past(names: Names) -> dict[str, str]:
    return {"key": names.past_key, "value": names.past_value}


def _present(names: Names) -> dict[str, str]:
    return {"key": names.present_key, "value": names.present_value}


def _matching(values: tuple[Value, ...], pattern: str) -> dict[int, Value]:
    """Return the values by the number of their layer."""
    before, _, after = pattern.partition("%d")
    form = re.compile(rf"{re.escape(before)}(\d{{1,4}}){re.escape(after)}")
    return {int(found[1]): value for value in values if (found := form.fullmatch(value.name))}


def _size(value: Value, place: int) -> int:
    size = value.shape[place] if len(value.shape) > place else 0
    return size if isinstance(size, int) and size > 0 else 0


def _grouped(graph: Graph) -> set[str]:
    """Return what goes straight into grouped-query attention, which can write into the buffers that it reads."""
    return {
        name
        for node in graph.nodes
        if node.operator == "GroupQueryAttention" and node.domain == "com.microsoft"
        for name in node.inputs[3:5]
    }


def _obstacle(
    graph: Graph,
    names: Names,
    inputs: set[str],
    pasts: dict[str, dict[int, Value]],
    presents: dict[str, dict[int, Value]],
) -> str:
    known = inputs | {names.input_ids, names.attention_mask, names.position_ids, names.kept_logits}
    given = {value.name for value in graph.inputs}
    others = sorted(given - known)
    if others:
        return f"it takes {', '.join(others[:4])}, which a model of text without further states does not"
    missing = sorted({names.input_ids, names.attention_mask} - given)
    if missing:
        return f"it takes no {missing[0]}"
    layers = set(pasts["key"])
    if not layers or any(set(found) != layers for found in (pasts["value"], presents["key"], presents["value"])):
        return "not every layer takes keys and values of past tokens and gives those of all"
    kinds = {value.type for found in pasts.values() for value in found.values()}
    if len(kinds) != 1 or not kinds <= _FLOATS:
        return f"it keeps keys and values as {', '.join(sorted(kinds))}"
    if names.logits not in {value.name for value in graph.outputs}:
        return f"it gives no {names.logits}"
    return ""
