"""The folder of an encoder model, in the layout of sentence-transformers: what it says about itself, checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.embeddings.bert import BertConfig, build
from agent.embeddings.safetensors import read_tensors
from agent.errors import ModelFileError

T = TypeVar("T")

WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
MARKS = 2  # tokens around each text: [CLS] and [SEP]
_MAX_JSON = 32 << 20  # bytes
_KNOWN_MODULES = {"Transformer", "Pooling", "Normalize"}


class _Lengths(msgspec.Struct, frozen=True):
    max_seq_length: int | None = None


class _Pooling(msgspec.Struct, frozen=True):
    pooling_mode_mean_tokens: bool = True
    pooling_mode_cls_token: bool = False
    pooling_mode_max_tokens: bool = False
    pooling_mode_mean_sqrt_len_tokens: bool = False
    pooling_mode_weightedmean_tokens: bool = False
    pooling_mode_lasttoken: bool = False


class _Module(msgspec.Struct, frozen=True):
    type: str


class _WordPiece(msgspec.Struct, frozen=True):
    type: str
    vocab: dict[str, int]


class _AddedToken(msgspec.Struct, frozen=True):
    id: int


class _Tokenizer(msgspec.Struct, frozen=True):
    model: _WordPiece
    added_tokens: list[_AddedToken] = []


@dataclass(frozen=True)
class Encoder:
    """A model that can be run.

    Attributes:
        folder: with its files.
        config: what the network looks like.
        limit: most tokens of a text, marks included.
    """

    folder: Path
    config: BertConfig
    limit: int

    def graph(self) -> bytes:
        """Return its ONNX graph.

        Raises:
            ModelFileError: the weights are not what the configuration says.
        """
        return build(self.config, read_tensors(self.folder / WEIGHTS), WEIGHTS)

    def require_tokenizer(self) -> Path:
        """Return the tokenizer's file once it is known that it gives tokens of this model only.

        Raises:
            ModelFileError: it does not.
        """
        path = self.folder / TOKENIZER
        tokenizer = _read(path, _Tokenizer)
        if tokenizer.model.type != "WordPiece":
            raise _wrong(path, f"a tokenizer of the kind {tokenizer.model.type!r:.40}, not WordPiece")
        added = (token.id for token in tokenizer.added_tokens)
        if not all(0 <= token < self.config.vocab_size for token in (*tokenizer.model.vocab.values(), *added)):
            raise _wrong(path, f"it has tokens beyond the model's {self.config.vocab_size}")
        return path


def read_encoder(folder: Path) -> Encoder:
    """Read what a folder says about its model; the weights and the tokenizer are looked at later.

    Raises:
        ModelFileError: a file is missing or damaged, or it is a model of another kind.
    """
    config = _read(folder / "config.json", BertConfig)
    config.require_usable()
    for name in (WEIGHTS, TOKENIZER):
        if not (folder / name).is_file():
            raise _wrong(folder / name, "the file is missing")
    if (path := folder / "modules.json").exists():
        kinds = {module.type.rpartition(".")[2] for module in _read(path, list[_Module])}
        if other := kinds - _KNOWN_MODULES:
            raise _wrong(path, f"the model has parts that cannot be run: {', '.join(sorted(other)):.80}")
    if (path := folder / "1_Pooling" / "config.json").exists() and _read(path, _Pooling) != _Pooling():
        raise _wrong(path, "only the mean of all tokens can be taken")
    path = folder / "sentence_bert_config.json"
    lengths = _read(path, _Lengths) if path.exists() else _Lengths()
    limit = min(lengths.max_seq_length or config.max_position_embeddings, config.max_position_embeddings)
    if limit <= MARKS:
        raise _wrong(path, f"texts of {limit} tokens have no room for any")
    return Encoder(folder, config, limit)


def _read(path: Path, kind: type[T]) -> T:
    try:
        if path.stat().st_size > _MAX_JSON:
            raise _wrong(path, f"it is larger than {_MAX_JSON} bytes")
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise _wrong(path, f"it cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(path, str(error)) from error


def _wrong(path: Path, problem: str) -> ModelFileError:
    hint = "Pull the embedding model again: `edgewise models pull embeddings`."
    return ModelFileError(f"{path.name}: {problem}.", field=path.name, hint=hint)
