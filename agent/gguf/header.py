"""The header as a whole: what a GGUF file says about its model, and what else a file may be."""

import math
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.errors import ModelFileError
from agent.gguf.hyperparameters import CHAT_TEMPLATE, check_hyperparameters, checked_alignment
from agent.gguf.metadata import ArrayInfo, Value, read_metadata
from agent.gguf.reader import DOWNLOAD_AGAIN, HeaderReader
from agent.gguf.tensor_types import FILE_TYPES
from agent.gguf.tensors import TensorInfo, aligned, read_tensors
from agent.gguf.vocabulary import TOKEN_TYPES, TOKENS, check_vocabulary, read_control_tokens
from agent.phrase import Phrase

MAX_KEYS = 4096
MAX_TENSORS = 65536

_VERSIONS = {2, 3}
_SNIFF_BYTES = 64
_MIN_KEY_BYTES = 14  # length, one letter, value type, one byte of value
_MIN_TENSOR_BYTES = 33  # length, one letter, dimensions, one dimension, type, offset
_NAME_A_FILE = Phrase("errors.name_a_file", "Name a GGUF file; `edgewise models list` shows the installed models.")
_CHECK_DISK = Phrase("errors.check_disk", "Check the permissions of the file, and the disk.")

_OTHER_FORMATS = {
    b"version https://git-lfs": "is a Git LFS pointer, not the model it points to",
    b"<": "is a web page, perhaps asking to log in or to accept a licence",
    b"{": "is a JSON text, perhaps the error message of a server",
    b"PK\x03\x04": "is a zip archive, such as a wheel or PyTorch weights",
    b"lmgg": "is in the GGML format, which GGUF replaced in 2023",
    b"fmgg": "is in the GGMF format, which GGUF replaced in 2023",
    b"tjgg": "is in the GGJT format, which GGUF replaced in 2023",
    b"\0\0\0\0": "starts with zeros, as a download that was never finished",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says about its model.

    Attributes:
        version: of the GGUF format, 2 or 3.
        alignment: tensors start at multiples of this many bytes.
        metadata: scalars and short arrays by key.
        arrays: type, length and place of every array by key, also of the long ones.
        tensors: in the order of the file.
        data_offset: bytes from the start of the file to the tensor data.
        file_size: bytes.
    """

    version: int
    alignment: int
    metadata: Mapping[str, Value]
    arrays: Mapping[str, ArrayInfo]
    tensors: tuple[TensorInfo, ...]
    data_offset: int
    file_size: int

    @property
    def architecture(self) -> str:
        """The kind of model as llama.cpp calls it: `llama`, `gemma3`."""
        return str(self.metadata["general.architecture"])

    @property
    def name(self) -> str:
        """The model's own name, or an empty string; without control characters."""
        name = self.metadata.get("general.name", "")
        return "".join(letter for letter in str(name) if letter.isprintable())

    @property
    def context_length(self) -> int:
        """Tokens of context that the model was trained for, or 0 where the file does not say."""
        return self._count("context_length")

    @property
    def block_count(self) -> int:
        """Number of layers, or 0 where the file does not say."""
        return self._count("block_count")

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens, or 0 where the file does not say."""
        return self.arrays[TOKENS].length if TOKENS in self.arrays else self._count("vocab_size")

    @property
    def chat_template(self) -> str | None:
        """The Jinja source that turns messages into a prompt; untrusted text."""
        template = self.metadata.get(CHAT_TEMPLATE)
        return template if isinstance(template, str) else None

    @property
    def quantization(self) -> str:
        """Such as `Q4_K_M`: what the file says, or else the tensor type that takes most bytes."""
        file_type = self.metadata.get("general.file_type")
        if isinstance(file_type, int) and file_type in FILE_TYPES:
            return FILE_TYPES[file_type]
        sizes: Counter[str] = Counter()
        for tensor in self.tensors:
            sizes[tensor.type] += tensor.size
        return sizes.most_common(1)[0][0]

    @property
    def parameter_count(self) -> int:
        """Number of weights."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors)

    @property
    def weight_bytes(self) -> int:
        """Bytes of all tensors, without padding."""
        return sum(tensor.size for tensor in self.tensors)

    def hyperparameter(self, key: str) -> Value | None:
        """Return the value of a key below the architecture's name, such as `attention.head_count_kv`."""
        return self.metadata.get(f"{self.architecture}.{key}")

    def _count(self, key: str) -> int:
        value = self.hyperparameter(key)
        return value if isinstance(value, int) else 0


def read_header(path: Path) -> Header:
    """Read and check the header of a GGUF file, in time and memory that no content can inflate.

    Raises:
        ModelFileError: the file is missing, unreadable, no GGUF, truncated, malformed or unusable.
    """
    with _open(path) as reader:
        version = _read_version(reader)
        tensor_count = _read_count(reader, "tensor_count", MAX_TENSORS, _MIN_TENSOR_BYTES)
        key_count = _read_count(reader, "kv_count", MAX_KEYS, _MIN_KEY_BYTES)
        metadata = read_metadata(reader, key_count)
        check_hyperparameters(reader, metadata)
        alignment = checked_alignment(reader, metadata)
        tensors = read_tensors(reader, tensor_count, alignment)
        data_offset = aligned(reader.position, alignment)
        _check_inside(reader, tensors, data_offset)
        check_vocabulary(reader, metadata)
        return Header(version, alignment, metadata.values, metadata.arrays, tensors, data_offset, reader.file_size)


def control_tokens(path: Path) -> tuple[str, ...]:
    """Return the texts that the tokenizer may turn into control tokens, such as `<|im_end|>`.

    They are the tokens of the types control and user defined; none where the file has no vocabulary.

    Raises:
        ModelFileError: as `read_header`.
    """
    arrays = read_header(path).arrays
    if not {TOKENS, TOKEN_TYPES} <= arrays.keys():
        return ()
    with _open(path) as reader:
        return read_control_tokens(reader, arrays[TOKEN_TYPES], arrays[TOKENS])


@contextmanager
def _open(path: Path) -> Iterator[HeaderReader]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError(
                Phrase("errors.not_regular", "{path} is not a regular file.", path=path),
                field="file",
                hint=_NAME_A_FILE,
            )
        if status.st_size == 0:
            raise ModelFileError(
                Phrase("errors.model_file_empty", "{path} is empty.", path=path), field="file", hint=DOWNLOAD_AGAIN
            )
        with path.open("rb") as file:
            yield HeaderReader(file, name=path.name, file_size=status.st_size)
    except FileNotFoundError as error:
        raise ModelFileError(
            Phrase("errors.no_such_file", "{path} does not exist.", path=path), field="file", hint=_NAME_A_FILE
        ) from error
    except OSError as error:
        raise ModelFileError(
            Phrase("errors.file_unreadable", "{path} cannot be read: {reason}.", path=path, reason=error.strerror),
            field="file",
            hint=_CHECK_DISK,
        ) from error


def _read_version(reader: HeaderReader) -> int:
    start = reader.take(min(_SNIFF_BYTES, reader.file_size), "magic")
    if not start.startswith(b"GGUF"):
        raise _not_gguf(reader, start)
    reader.seek(len(b"GGUF"))
    version = reader.u32("version")
    if version & 0xFFFF == 0 and version:
        hint = "Choose the little-endian file of this model."
        raise reader.error("version", "the file is big-endian; this computer is not", hint=hint)
    if version not in _VERSIONS:
        hint = "Choose a newer file of this model." if version == 1 else DOWNLOAD_AGAIN
        raise reader.error("version", f"the file has GGUF version {version}; versions 2 and 3 are known", hint=hint)
    return version


def _not_gguf(reader: HeaderReader, start: bytes) -> ModelFileError:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for prefix, sentence in _OTHER_FORMATS.items():
        if text.startswith(prefix):
            return reader.error("magic", f"the file {sentence}")
    return reader.error("magic", f"the file starts with {start[:4]!r}, not with b'GGUF'")


def _read_count(reader: HeaderReader, field: str, limit: int, least_bytes: int) -> int:
    count = reader.u64(field)
    if not 1 <= count <= limit:
        raise reader.error(field, f"{field} is {count}; it must be from 1 to {limit}")
    reader.require(count * least_bytes, field)
    return count


def _check_inside(reader: HeaderReader, tensors: tuple[TensorInfo, ...], data_offset: int) -> None:
    for tensor in tensors:
        end = data_offset + tensor.offset + tensor.size
        if end > reader.file_size:
            problem = f"{tensor.name} ends at byte {end}, but the file has only {reader.file_size} bytes"
            raise reader.error(f"{tensor.name}.size", problem)
