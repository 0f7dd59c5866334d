"""GGUF files with random weights: sound for llama.cpp in every way, but what such a model says means nothing."""

import itertools
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import BinaryIO

import gguf
import numpy as np

from agent.shape.quantization import BLOCKS

Value = bool | int | float | str | Sequence[int] | Sequence[bool]
Tensors = Mapping[str, tuple[tuple[int, ...], str]]  # name -> elements per dimension as in the file, and type

_ALIGNMENT = 32
_TILE = 1 << 22  # bytes of weights that are drawn; more are copies of them
_SCALE = 0.002
# Where a block has its scales (half precision), and those that are subtracted: weights are to have a mean near zero,
# so that logits stay finite through any number of layers.
_SCALES: dict[str, tuple[tuple[int, float], ...]] = {
    "Q4_0": ((0, 1),),
    "Q4_1": ((0, 1), (2, -7.5)),
    "Q5_0": ((0, 0.5),),
    "Q5_1": ((0, 0.5), (2, -7.75)),
    "Q8_0": ((0, 0.05),),
    "Q2_K": ((80, 1), (82, 1.5)),
    "Q3_K": ((108, 0.1),),
    "Q4_K": ((0, 0.04), (2, 0.3)),
    "Q5_K": ((0, 0.02), (2, 0.31)),
    "Q6_K": ((208, 0.005),),
    "IQ4_NL": ((0, 0.05),),
    "IQ4_XS": ((0, 0.004),),
    "TQ1_0": ((52, 5),),
    "TQ2_0": ((64, 5),),
}
_MXFP4_EXPONENT = 118  # E8M0, of 2^-9
_GPT2_BYTES = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 512))][:256]
_STEM, _STEMS = 6, 4096  # letters at most, and how many of them there are
_CONTROLS = ("<|unknown|>", "<|begin|>", "<|end|>")
_NORMAL, _CONTROL, _BYTE = 1, 3, 6  # token types


def write(  # noqa: PLR0913 - what a file consists of
    path: Path,
    architecture: str,
    metadata: Mapping[str, Value],
    vocabulary: int,
    tensors: Tensors,
    *,
    hollow: bool = False,
) -> None:
    """Write a model file; keys of the metadata are those below the architecture's name.

    A hollow file has a hole in place of its weights and takes no room on the disk: enough for dry runs.
    """
    writer = gguf.GGUFWriter(None, architecture)
    for key, value in metadata.items():
        _add(writer, f"{architecture}.{key}", value)
    _add_vocabulary(writer, vocabulary, pieces=architecture in {"gemma2", "gemma3", "gemma3n"})
    for name, (shape, kind) in tensors.items():
        number = gguf.GGMLQuantizationType[kind]
        writer.add_tensor_info(name, shape[::-1], np.dtype(np.float32), size(shape, kind), number)
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    with path.open("r+b") as file:
        start = file.seek(0, 2)
        file.write(bytes(-start % _ALIGNMENT))
        if hollow:
            file.truncate(file.tell() + sum(_padded(size(shape, kind)) for shape, kind in tensors.values()))
        else:
            _write_weights(file, tensors)


def size(shape: Sequence[int], kind: str) -> int:
    """Return the bytes of a tensor."""
    block = BLOCKS[kind]
    return int(np.prod(shape, dtype=np.int64)) // block.block_elements * block.block_bytes


def _padded(count: int) -> int:
    return count + -count % _ALIGNMENT


def _add(writer: gguf.GGUFWriter, key: str, value: Value) -> None:
    match value:
        case bool():
            writer.add_bool(key, value)
        case int():
            writer.add_uint32(key, value)
        case float():
            writer.add_float32(key, value)
        case str():
            writer.add_string(key, value)
        case _:
            writer.add_array(key, list(value))


def _add_vocabulary(writer: gguf.GGUFWriter, count: int, *, pieces: bool) -> None:
    """Add a vocabulary: byte-pair tokens with their merges, or the scored pieces of SentencePiece (Gemma)."""
    tokens = [f"<0x{byte:02X}>" for byte in range(256)] if pieces else list(_GPT2_BYTES)
    types = [_BYTE if pieces else _NORMAL] * len(tokens)
    words, merges = _words(count - len(tokens) - len(_CONTROLS))
    tokens += [*words, *_CONTROLS]
    types += [_NORMAL] * len(words) + [_CONTROL] * len(_CONTROLS)
    writer.add_tokenizer_model("llama" if pieces else "gpt2")
    writer.add_tokenizer_pre("default" if pieces else "qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if pieces:
        writer.add_token_scores([-float(rank) for rank in range(count)])
        writer.add_unk_token_id(count - 3)
    else:
        writer.add_token_merges(merges)
    writer.add_bos_token_id(count - 2)
    writer.add_eos_token_id(count - 1)
    writer.add_add_bos_token(value=False)


def _words(count: int) -> tuple[list[str], list[str]]:
    """Return words of about eight letters, as real tokens have, and the merges that make them."""
    drawn = random.Random(0)  # noqa: S311 - the same file each time
    stems, known = list(ascii_lowercase), set(ascii_lowercase)
    words: list[str] = []
    merges: list[str] = []
    while len(words) < count:
        left, right = drawn.choice(stems), drawn.choice(stems)
        if left + right not in known:
            known.add(left + right)
            words.append(left + right)
            merges.append(f"{left} {right}")
            if len(left + right) <= _STEM and len(stems) < _STEMS:
                stems.append(left + right)
    return words, merges


def _write_weights(file: BinaryIO, tensors: Tensors) -> None:
    tiles: dict[str, bytes] = {}
    for shape, kind in tensors.values():
        if len(shape) > 1 and kind not in tiles:
            tiles[kind] = _tile(kind)
        tile = _ones(shape) if len(shape) == 1 else tiles[kind]
        left = size(shape, kind)
        for piece in itertools.repeat(tile):
            file.write(piece[:left])
            left -= len(piece)
            if left <= 0:
                break
        file.write(bytes(-file.tell() % _ALIGNMENT))


def _ones(shape: Sequence[int]) -> bytes:
    """Return a vector that changes nothing where it scales."""
    return np.ones(shape, np.float32).tobytes()


def _tile(kind: str) -> bytes:
    """Return some random blocks of a type."""
    drawn = np.random.default_rng(0)
    if kind in {"F32", "F16"}:
        values = drawn.normal(0, _SCALE * 5, _TILE // 4)
        return values.astype(np.float32 if kind == "F32" else np.float16).tobytes()
    size = BLOCKS[kind].block_bytes
    blocks = drawn.integers(0, 256, (_TILE // size, size), np.uint8)
    for offset, factor in _SCALES.get(kind, ()):
        blocks[:, offset : offset + 2] = np.frombuffer(np.float16(_SCALE * factor).tobytes(), np.uint8)
    if kind == "MXFP4":
        blocks[:, 0] = _MXFP4_EXPONENT
    return blocks.tobytes()
