"""The shape of a model from the header of its GGUF file."""

from collections import defaultdict
from math import prod

from agent.gguf import Header, TensorInfo
from agent.shape import Role, Shape, Weights, layers

_TABLES = ("token_embd.weight", "per_layer_token_embd.weight", "position_embd.weight", "token_types.weight")
# Tensors with several dimensions that scale, shift or convolve; none is multiplied as a matrix.
_NO_MATRICES = ("_norm.weight", ".bias", "conv1d.weight", "shortconv.conv.weight", "ssm_a", "ssm_d", "_coef.weight")
_MOST_ROWS = 16


def shape_of(header: Header) -> Shape:
    """Return the shape of a model, exactly as llama.cpp will load it.

    Raises:
        ModelFileError: a hyperparameter is absurd.
    """
    experts = max(layers.per_layer(header, "expert_count", 0), default=0)
    embedding = header.hyperparameter("embedding_length")
    return Shape(
        architecture=header.architecture,
        layers=header.block_count,
        embedding=embedding if isinstance(embedding, int) else 0,
        feed_forward=_feed_forward(header, experts),
        vocabulary=header.vocabulary_size,
        training_context=header.context_length,
        attention=layers.attention(header),
        state_bytes=layers.state_bytes(header),
        experts=experts,
        experts_used=max(layers.per_layer(header, "expert_used_count", 0), default=0),
        weights=_weights(header),
    )


def _feed_forward(header: Header, experts: int) -> int:
    """Return the elements inside the feed-forward network: the columns of what leads out of it."""
    name = ".ffn_down_exps.weight" if experts else ".ffn_down.weight"
    inner = max((tensor.shape[0] for tensor in header.tensors if tensor.name.endswith(name)), default=0)
    return inner or max(layers.per_layer(header, "feed_forward_length", 0), default=0)


def _weights(header: Header) -> tuple[Weights, ...]:
    tied = all(tensor.name != "output.weight" for tensor in header.tensors)
    groups: dict[tuple[Role, str, int], list[TensorInfo]] = defaultdict(list)
    for tensor in header.tensors:
        groups[_role(tensor, tied=tied), tensor.type, _rows(tensor)].append(tensor)
    return tuple(
        Weights(
            role=role,
            type=kind,
            bytes=sum(tensor.size for tensor in tensors),
            elements=sum(prod(tensor.shape) for tensor in tensors),
            rows=rows,
            largest=max(tensor.size for tensor in tensors),
        )
        for (role, kind, rows), tensors in groups.items()
    )


def _role(tensor: TensorInfo, *, tied: bool) -> Role:
    if tensor.name == "token_embd.weight" and tied:
        return "tied"
    if tensor.name in _TABLES or ".nextn." in tensor.name:
        return "table"
    if len(tensor.shape) == 1 or tensor.name.endswith(_NO_MATRICES):
        return "vector"
    if tensor.name == "output.weight":
        return "output"
    return "experts" if tensor.name.endswith("_exps.weight") else "matrix"


def _rows(tensor: TensorInfo) -> int:
    """Return the largest power of two, at most 16, that divides the number of rows."""
    rows = tensor.shape[1] if len(tensor.shape) > 1 else 1
    return min(rows & -rows, _MOST_ROWS)
