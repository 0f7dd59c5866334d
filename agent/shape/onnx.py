"""The shape of a model in the format ONNX."""

from collections import Counter, defaultdict
from typing import Literal

from agent.onnx import ModelFolder, Node
from agent.onnx.weights import Role, Weight
from agent.shape import Attention, Shape, Weights

_MOST_ROWS = 16


def shape_of(folder: ModelFolder) -> Shape:
    """Return the shape of a model, exactly as its graph describes it."""
    experts, used = _experts(folder)
    return Shape(
        architecture=folder.architecture,
        layers=folder.layers,
        embedding=folder.hidden,
        feed_forward=folder.intermediate,
        vocabulary=folder.vocabulary,
        training_context=folder.context_length,
        attention=_attention(folder),
        state_bytes=0,
        experts=experts,
        experts_used=used,
        weights=_weights(folder.weights),
        format="onnx",
        kv_type=_kv_type(folder),
        all_logits=_all_logits(folder),
    )


def _kv_type(folder: ModelFolder) -> Literal["f16", "f32"]:
    past = folder.names.past_key % folder.caches.layers[0] if folder.caches.layers else ""
    return "f16" if any(value.name == past and value.type == "f16" for value in folder.content.inputs) else "f32"


def _all_logits(folder: ModelFolder) -> bool:
    pruned = any(value.name == folder.names.logits and value.shape[1:2] == (1,) for value in folder.content.outputs)
    return not pruned and not folder.names.kept_logits


def _experts(folder: ModelFolder) -> tuple[int, int]:
    """Return the experts of each mixture layer, and how many of them a token is routed to."""
    for node in folder.content.nodes:
        if node.operator in {"MoE", "QMoE"} and len(node.inputs) > 2:  # noqa: PLR2004 - the weights
            tensor = folder.content.tensors.get(node.inputs[2])
            return (tensor.shape[0] if tensor and tensor.shape else 0), node.number("k", 1)
    return 0, 0


def _attention(folder: ModelFolder) -> tuple[Attention, ...]:
    """Return the layers with caches: by their operation, or where the graph spells it out, by the configuration."""
    nodes = [node for node in folder.content.nodes if node.operator == "GroupQueryAttention"]
    groups = Counter(_group(folder, node) for node in nodes if node.inputs[3:4] != ("",))
    if not nodes and folder.caches.layers:
        groups[folder.heads, folder.kv_heads, 0] = len(folder.caches.layers)
    size = folder.head_size
    return tuple(Attention(layers, heads, kv_heads, size, size, window)
                 for (heads, kv_heads, window), layers in groups.items())  # fmt: skip


def _group(folder: ModelFolder, node: Node) -> tuple[int, int, int]:
    heads, kv_heads = node.number("num_heads", folder.heads), node.number("kv_num_heads", folder.kv_heads)
    return heads, kv_heads, max(0, node.number("local_window_size", -1))


def _weights(weights: tuple[Weight, ...]) -> tuple[Weights, ...]:
    groups: dict[tuple[Role, str, int], list[Weight]] = defaultdict(list)
    for weight in weights:
        groups[weight.role, weight.type, min(weight.rows & -weight.rows, _MOST_ROWS)].append(weight)
    return tuple(
        Weights(
            role=role,
            type=kind,
            bytes=sum(weight.bytes for weight in alike),
            elements=sum(weight.elements for weight in alike),
            rows=max(1, rows),
            largest=max(weight.bytes for weight in alike),
        )
        for (role, kind, rows), alike in groups.items()
    )
