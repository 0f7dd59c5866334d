"""Texts to tokens and back, with tokenizers of both kinds."""

from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from agent.engines.onnx.vocabulary import Vocabulary
from agent.errors import ModelFileError, RequestError

WORDS = ["The quick brown fox", "jumps over the lazy dog", "again and again", "naïve café, 中文"]
HARD = [
    "",
    " ",
    "   a",
    "Hello  world\n\n\tx ",
    "😀 中文 é",
    "e\u0301",
    "\x00\x1b\x7f",
    "\ud7ff\ue000\U0010ffff",
    "a" * 999,
]
MARKS = ["<s>", "</s>", "<|end|>"]


def saved(tokenizer: Tokenizer, folder: Path) -> Path:
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture
def bytewise(tmp_path: Path) -> Path:
    """A byte-level BPE as GPT-2, Llama 3 and Qwen have it, with the faults that files from the wild have."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=MARKS[:2], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.add_tokens([AddedToken("<|end|>", normalized=False), AddedToken("<think>"), AddedToken("né")])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=5)
    return saved(tokenizer, tmp_path)


@pytest.fixture(params=["prepend", "metaspace", "none"])
def sentencepiece(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A vocabulary in the manner of SentencePiece, in the three ways in which files put a space in front, or not."""
    pieces = [(token, 0.0) for token in ["<unk>", *MARKS, *(f"<0x{byte:02X}>" for byte in range(256))]]
    pieces += [("▁", -2.0), ("▁the", -3.0), ("the", -3.5), *((letter, -5.0) for letter in "ehtwo")]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    if request.param == "metaspace":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        prefix = [normalizers.Prepend("▁")] if request.param == "prepend" else []
        tokenizer.normalizer = normalizers.Sequence([*prefix, normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False) for mark in MARKS])
    return saved(tokenizer, tmp_path)


def number(path: Path, token: str) -> int:
    found = Tokenizer.from_file(str(path)).token_to_id(token)
    assert found is not None
    return found


def text(vocabulary: Vocabulary, tokens: list[int]) -> bytes:
    return b"".join(vocabulary.piece(token) for token in tokens)


@pytest.mark.parametrize("written", HARD)
def test_byte_level_texts_come_back_byte_by_byte(bytewise: Path, written: str) -> None:
    vocabulary = Vocabulary(bytewise)
    for special in (True, False):
        assert text(vocabulary, vocabulary.tokenize(written, special=special, begin=False)) == written.encode()


@pytest.mark.parametrize("written", HARD)
def test_the_middle_of_a_prompt_comes_back_without_a_space_in_front(sentencepiece: Path, written: str) -> None:
    vocabulary = Vocabulary(sentencepiece)
    for special in (True, False):
        assert text(vocabulary, vocabulary.tokenize(written, special=special, begin=False)) == written.encode()


def test_only_what_stands_before_the_first_mark_is_a_middle(sentencepiece: Path) -> None:
    vocabulary = Vocabulary(sentencepiece)
    whole = Tokenizer.from_file(str(sentencepiece))
    behind = whole.encode("<|end|>two", add_special_tokens=False).ids
    assert vocabulary.tokenize("<|end|>two", special=True, begin=False) == behind
    assert text(vocabulary, vocabulary.tokenize("the", special=True, begin=False)) == b"the"
    assert vocabulary.tokenize("the<|end|>two", special=True, begin=False)[1:] == behind


def test_the_beginning_is_as_the_library_has_it_also_after_a_middle(sentencepiece: Path) -> None:
    vocabulary = Vocabulary(sentencepiece)
    vocabulary.tokenize("the", special=True, begin=False)
    whole = Tokenizer.from_file(str(sentencepiece))
    assert vocabulary.tokenize("the two", special=True, begin=True) == whole.encode("the two").ids


def test_marks_count_only_where_they_are_asked_for(bytewise: Path) -> None:
    vocabulary = Vocabulary(bytewise)
    assert set(vocabulary.controls()) == set(MARKS)
    for mark in MARKS:
        (control,) = vocabulary.tokenize(mark, special=True, begin=False)
        plain = vocabulary.tokenize(mark, special=False, begin=False)
        assert vocabulary.piece(control) == b""
        assert control not in plain
        assert text(vocabulary, plain) == mark.encode()


def test_a_mark_that_the_file_does_not_call_special_is_one_all_the_same(bytewise: Path) -> None:
    end = number(bytewise, "<|end|>")
    assert not Tokenizer.from_file(str(bytewise)).get_added_tokens_decoder()[end].special
    vocabulary = Vocabulary(bytewise)
    assert vocabulary.tokenize("<|end|>", special=True, begin=False) == [end]
    assert end not in vocabulary.tokenize("<|end|>", special=False, begin=False)


def test_a_token_that_ends_answers_is_a_control_token(bytewise: Path) -> None:
    think = number(bytewise, "<think>")
    assert think in Vocabulary(bytewise).tokenize("<think>", special=False, begin=False)
    vocabulary = Vocabulary(bytewise, ends=[think])
    assert "<think>" in vocabulary.controls()
    assert think not in vocabulary.tokenize("<think>", special=False, begin=False)


def test_added_tokens_that_are_not_special_are_text(bytewise: Path) -> None:
    vocabulary = Vocabulary(bytewise)
    assert vocabulary.piece(number(bytewise, "<think>")) == b"<think>"
    assert vocabulary.piece(number(bytewise, "né")) == "né".encode()


def test_bos_comes_in_front_of_a_text_once(bytewise: Path) -> None:
    vocabulary = Vocabulary(bytewise, bos="<s>")
    assert vocabulary.adds_bos
    assert vocabulary.tokenize("a", special=True, begin=True)[0] == 0
    assert vocabulary.tokenize("<s>a", special=True, begin=True).count(0) == 1
    assert 0 not in vocabulary.tokenize("a", special=True, begin=False)
    assert vocabulary.tokenize("<s>a", special=False, begin=True).count(0) == 1  # only ours
    assert 0 not in Vocabulary(bytewise).tokenize("a", special=True, begin=True)


def test_the_ends_are_those_of_the_model_and_that_of_the_tokenizer(bytewise: Path) -> None:
    assert Vocabulary(bytewise, eos="</s>", ends=[7]).ends == {1, 7}
    assert Vocabulary(bytewise, eos="no such token").ends == frozenset()


def test_every_byte_has_a_token_in_both_kinds(bytewise: Path, sentencepiece: Path) -> None:
    for path in (bytewise, sentencepiece):
        vocabulary = Vocabulary(path)
        single = {piece for piece in vocabulary.pieces() if len(piece) == 1}
        assert single == {bytes([byte]) for byte in range(256)}


def test_logits_may_have_more_columns_than_there_are_tokens(bytewise: Path) -> None:
    vocabulary = Vocabulary(bytewise, size=512)
    assert vocabulary.piece(511) == b""
    for beyond in (512, -1):
        with pytest.raises(RequestError, match="no token"):
            vocabulary.piece(beyond)


def test_long_prompts_take_time_in_proportion(bytewise: Path) -> None:
    vocabulary = Vocabulary(bytewise)
    assert len(vocabulary.tokenize("a" * 1_000_000, special=True, begin=True)) >= 100_000  # 0.4 s; far from the timeout


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"model": {"type": "BPE"}}', b"[" * 100_000])
def test_refuses_a_file_that_is_no_tokenizer(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="tokenizer"):
        Vocabulary(path)


def test_the_starter_model_is_tokenized_as_by_llama_cpp(twin: Path) -> None:
    vocabulary = Vocabulary(twin / "tokenizer.json", ends=[2])
    assert vocabulary.tokenize("<|im_start|>user\nHello world", special=True, begin=True) == [1, 4093, 198, 19556, 905]
    assert text(vocabulary, vocabulary.tokenize("".join(HARD), special=False, begin=False)) == "".join(HARD).encode()
