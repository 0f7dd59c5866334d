"""An encoder model in memory. This module and the worker are the only ones here that load native code."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import tokenizers

from agent.embeddings.encoder import MARKS, Encoder
from agent.embeddings.frames import Texts
from agent.errors import ContextOverflowError, ModelFileError, RequestError

BUILD = f"onnxruntime {onnxruntime.__version__}"
_SEND_TEXT = "Send text: the tokens of other models mean nothing here (LangChain: check_embedding_ctx_length=False)."
_PIECE = 1 << 16  # characters of a text that are read at first; its tokens take a hundred times as many bytes
_LONGEST_WORD = 100  # tokens, see max_input_chars_per_word
_MAX_TOKENS = 300_000  # of all texts of a request, as at OpenAI


class Model:
    """Texts to tokens, tokens to vectors.

    Raises:
        ModelFileError: the files are not sound.
    """

    def __init__(self, encoder: Encoder, threads: int) -> None:
        self._encoder = encoder
        self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(encoder.require_tokenizer()))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._marks: list[int] = self._tokenizer.encode("").ids
        if len(self._marks) != MARKS:
            raise ModelFileError("The tokenizer does not put [CLS] and [SEP] around texts.", field="post_processor")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that spin while they wait would take the cores from the language model.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Weights are used where the file is mapped; prepacked copies would take 41 MiB and are hardly faster.
        options.add_session_config_entry("session.disable_prepacking", "1")
        folder = str(encoder.folder)
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
        self._session: Any = onnxruntime.InferenceSession(encoder.graph(), options, ["CPUExecutionProvider"])

    def tokenize(self, texts: Texts, *, truncate: bool) -> list[list[int]]:
        """Return the tokens of each text, marks included.

        Raises:
            ContextOverflowError: a text is too long and may not be cut.
            RequestError: tokens are not of this model, or there are too many in all.
        """
        found: list[list[int]] = []
        total = 0
        for text in texts:
            tokens, whole = self._read(text) if isinstance(text, str) else (self._check(text), True)
            if len(tokens) > self._encoder.limit:
                if not truncate:
                    raise self._too_long(len(found), len(tokens), whole=whole)
                tokens = [*tokens[: self._encoder.limit - 1], self._marks[1]]
            found.append(tokens)
            total += len(tokens)
            if total > _MAX_TOKENS:
                message = f"The texts have more than {_MAX_TOKENS} tokens together, which is all that a request may."
                raise RequestError(message, param="input")
        return found

    def embed(self, texts: Sequence[Sequence[int]]) -> npt.NDArray[np.float32]:
        """Return one vector for each text, of the length 1; shape [texts, hidden]."""
        vectors: npt.NDArray[np.float32] = self._session.run(["vectors"], pack(texts))[0]
        return vectors

    def _read(self, text: str) -> tuple[list[int], bool]:
        """Return the tokens of a text, and whether they are all: only so much is read as shows that it is too long."""
        size = _PIECE
        while True:
            tokens: list[int] = self._tokenizer.encode(text[:size]).ids
            whole = size >= len(text)
            if whole or len(tokens) > self._encoder.limit + _LONGEST_WORD:  # the last word may be cut
                return tokens, whole
            size *= 4

    def _check(self, tokens: list[int]) -> list[int]:
        """Return tokens that were sent as such, with marks if they have none."""
        vocabulary = self._encoder.config.vocab_size
        for token in tokens:
            if not 0 <= token < vocabulary:
                message = f"Token {token} is not in the vocabulary of this model, which has {vocabulary}."
                raise RequestError(message, param="input", hint=_SEND_TEXT)
        first, last = self._marks
        return tokens if tokens[:1] == [first] else [first, *tokens, last]

    def _too_long(self, place: int, size: int, *, whole: bool) -> ContextOverflowError:
        count = f"{size}" if whole else f"more than {size}"
        message = f"input[{place}] has {count} tokens; this model reads at most {self._encoder.limit} of a text."
        hint = "Split it, or send `truncate: true` to have the end cut off."
        return ContextOverflowError(message, param="input", hint=hint)


def pack(texts: Sequence[Sequence[int]]) -> dict[str, npt.NDArray[Any]]:
    """Return the inputs of the graph for some texts, see `agent.embeddings.bert`."""
    lengths = np.array([len(text) for text in texts], np.int32)
    longest = int(lengths.max())
    inside = np.arange(longest) < lengths[:, None]
    slots = np.zeros(inside.shape, np.int64)
    slots[inside] = np.arange(lengths.sum())
    return {
        "ids": np.concatenate([np.array(text, np.int32) for text in texts]),
        "positions": np.broadcast_to(np.arange(longest, dtype=np.int32), inside.shape)[inside],
        "slots": slots,
        "lengths": lengths,
        "tokens": np.flatnonzero(inside),
        "mean": (inside / lengths[:, None]).astype(np.float32)[:, None],
    }
