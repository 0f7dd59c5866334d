"""Writes ONNX files byte by byte, sound and unsound ones: a message is a list of numbered fields."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

F32, U8, I64 = 1, 2, 7
GRAPH = 7  # field of a model
WIDTH, TOKENS, HEADS, SIZE = 16, 32, 2, 8
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def varint(value: int) -> bytes:
    """Return a number as protobuf writes it."""
    value &= 2**64 - 1
    found = bytearray()
    while value >= 128:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def number(field: int, value: int) -> bytes:
    """Return a field that holds a number."""
    return varint(field << 3) + varint(value)


def piece(field: int, content: bytes | str) -> bytes:
    """Return a field that holds a text, bytes or a message."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


@dataclass(frozen=True)
class Outside:
    """Data in another file, as a tensor names it."""

    location: str = "model.onnx.data"
    offset: str = "0"
    length: str = ""


def tensor(name: str, shape: Sequence[int], kind: int = F32, place: Outside | bytes | None = None) -> bytes:
    """Return a tensor; without a place its data are zeros inside."""
    width = {F32: 4, U8: 1, I64: 8}.get(kind, 4)
    size = width
    for dimension in shape:
        size *= dimension
    head = b"".join(number(1, dimension) for dimension in shape) + number(2, kind) + piece(8, name)
    if isinstance(place, Outside):
        pairs = {"location": place.location, "offset": place.offset, "length": place.length or str(size)}
        entries = (piece(13, piece(1, key) + piece(2, value)) for key, value in pairs.items() if value != "-")
        return head + b"".join(entries) + number(14, 1)
    return head + piece(9, place if place is not None else bytes(size))


def value(name: str, shape: Sequence[int | str], kind: int = F32) -> bytes:
    """Return an input or output of a graph."""
    sizes = b"".join(piece(1, number(1, size) if isinstance(size, int) else piece(2, size)) for size in shape)
    return piece(1, name) + piece(2, piece(1, number(1, kind) + piece(2, sizes)))


def node(  # noqa: PLR0913 - what a node has
    operator: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    domain: str = "",
    name: str = "",
    attributes: Mapping[str, int] | None = None,
    extra: bytes = b"",
) -> bytes:
    """Return an operation; `extra` are further fields."""
    numbers = (piece(5, piece(1, key) + number(3, one) + number(20, 2)) for key, one in (attributes or {}).items())
    return (
        b"".join(piece(1, one) for one in inputs)
        + b"".join(piece(2, one) for one in outputs)
        + piece(3, name)
        + piece(4, operator)
        + piece(7, domain)
        + b"".join(numbers)
        + extra
    )


def model(graph: bytes, extra: bytes = b"") -> bytes:
    """Return a whole file."""
    return number(1, 10) + piece(2, "tests") + piece(GRAPH, graph) + piece(8, piece(1, "") + number(2, 21)) + extra


def decoder(*, place: Outside | None = None, shared: bool = True, extra: bytes = b"", window: int = -1) -> bytes:
    """Return a decoder of one layer; with `place`, the table of tokens lies in another file."""
    past = ("batch", HEADS, "past", SIZE)
    attention = "GroupQueryAttention" if shared else "Concat"
    nodes = [
        node("Gather", ["table", "input_ids"], ["h"], name="/embed"),
        node("MatMul", ["h", "q"], ["qkv"], name="/q_proj/MatMul"),
        node(
            attention,
            ["qkv", "", "", "past_key_values.0.key", "past_key_values.0.value"],
            ["a", "present.0.key", "present.0.value"],
            domain="com.microsoft" if shared else "",
            attributes={"num_heads": HEADS, "kv_num_heads": HEADS, "local_window_size": window},
        ),
        node("MatMul", ["a", "down"], ["d"], name="/mlp/down_proj/MatMul"),
        node(
            "MatMulNBits",
            ["d", "head", "scales"],
            ["logits"],
            domain="com.microsoft",
            name="/lm_head/MatMul",
            attributes={"K": WIDTH, "N": TOKENS, "bits": 4, "block_size": 16},
        ),
    ]
    tensors = [
        tensor("table", (TOKENS, WIDTH), place=place),
        tensor("q", (WIDTH, WIDTH)),
        tensor("down", (4 * WIDTH, WIDTH)),
        tensor("head", (TOKENS, 1, WIDTH // 2), U8),
        tensor("scales", (TOKENS, 1)),
        tensor("norm", (WIDTH,)),
    ]
    inputs = [
        value("input_ids", ("batch", "new"), I64),
        value("attention_mask", ("batch", "all"), I64),
        value("past_key_values.0.key", past),
        value("past_key_values.0.value", past),
    ]
    outputs = [
        value("logits", ("batch", "new", TOKENS)),
        value("present.0.key", past),
        value("present.0.value", past),
    ]
    return (
        b"".join(piece(1, one) for one in nodes)
        + b"".join(piece(5, one) for one in tensors)
        + b"".join(piece(11, one) for one in inputs)
        + b"".join(piece(12, one) for one in outputs)
        + extra
    )


def with_kept_logits(original: bytes, vocabulary: int) -> bytes:
    """Return a model whose logits are cut to as many of the last tokens as its new input `num_logits_to_keep` says."""
    nodes = [
        node("Neg", ["num_logits_to_keep"], ["minus_kept"]),
        node("Reshape", ["minus_kept", "one_number"], ["first_kept"]),
        node("Slice", ["scores", "first_kept", "beyond", "token_axis"], ["logits"]),
    ]
    numbers = {"one_number": 1, "beyond": 2**62, "token_axis": 1}
    more = (
        b"".join(piece(1, one) for one in nodes)
        + b"".join(piece(5, tensor(name, (1,), I64, one.to_bytes(8, "little"))) for name, one in numbers.items())
        + piece(11, value("num_logits_to_keep", (), I64))
        + piece(12, value("logits", ("batch", "num_logits_to_keep", vocabulary)))
    )
    # The other name is as long, so that all lengths stay.
    found = (
        piece(field, content.replace(b"logits", b"scores") + more if field == GRAPH else content)
        if isinstance(content, bytes)
        else number(field, content)
        for field, content in fields(original)
    )
    return b"".join(found)


def fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield the fields of a message: numbers, and the contents of those that have a length."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        content, at = _varint(message, at)
        if key & 7:
            yield key >> 3, message[at : at + content]
            at += content
        else:
            yield key >> 3, content


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number, and where it ends."""
    end = next(place for place in range(at, len(message)) if message[place] < 128) + 1
    return sum((byte & 127) << 7 * place for place, byte in enumerate(message[at:end])), end


def genai_config(**decoder_settings: object) -> dict[str, object]:
    """Return what `genai_config.json` says of that decoder."""
    return {
        "model": {
            "type": "llama",
            "bos_token_id": 1,
            "eos_token_id": [2, 3],
            "pad_token_id": 2,
            "context_length": 256,
            "vocab_size": TOKENS,
            "decoder": {
                "filename": "model.onnx",
                "hidden_size": WIDTH,
                "head_size": SIZE,
                "num_attention_heads": HEADS,
                "num_key_value_heads": HEADS,
                "num_hidden_layers": 1,
                "inputs": {"input_ids": "input_ids", "past_key_names": "past_key_values.%d.key"},
                "outputs": {"logits": "logits", "present_key_names": "present.%d.key"},
                **decoder_settings,
            },
        },
        "search": {"max_length": 256},
    }


def write_genai(folder: Path, graph: bytes | None = None, config: Mapping[str, object] | None = None) -> Path:
    """Write a sound folder in the layout of onnxruntime-genai, with the table of tokens in a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model(decoder(place=Outside())) if graph is None else graph)
    (folder / "model.onnx.data").write_bytes(bytes(4 * TOKENS * WIDTH))
    (folder / "genai_config.json").write_text(json.dumps(genai_config() if config is None else config))
    _write_tokenizer(folder)
    return folder


def write_transformers_js(folder: Path, *endings: str) -> Path:
    """Write a sound folder in the layout of transformers.js, with a graph for each ending, such as `_q4`."""
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    for ending in endings or ("_q4",):
        place = Outside(f"model{ending}.onnx_data")
        (folder / f"onnx/model{ending}.onnx").write_bytes(model(decoder(place=place, shared=False)))
        (folder / f"onnx/model{ending}.onnx_data").write_bytes(bytes(4 * TOKENS * WIDTH))
    config = {
        "model_type": "qwen3",
        "hidden_size": WIDTH,
        "num_hidden_layers": 1,
        "num_attention_heads": HEADS,
        "head_dim": SIZE,
        "intermediate_size": 4 * WIDTH,
        "max_position_embeddings": 512,
        "vocab_size": TOKENS,
        "eos_token_id": 2,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [3, 2], "bos_token_id": 1}))
    _write_tokenizer(folder)
    return folder


def _write_tokenizer(folder: Path) -> None:
    special = {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(special))
    rules = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}]}
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "post_processor": rules, "model": {}}))
