"""What Edgewise says by itself has a text in every language, and comes to the page in the reader's."""

import msgspec
import pytest

from agent.errors import InputError
from agent.phrase import Phrase, joined
from tests.web.texts import phrases, placeholders
from web.locale import LANGUAGES, Texts, Translator
from web.said import said, sentence

ALL = Texts()
TEXTS = ALL.by_key
GERMAN, CHINESE, ENGLISH = (Translator(ALL, language) for language in ("de", "zh", "en"))
EMPTY = Phrase("errors.file_empty", "{name} is empty.", name="a<b>.txt")


@pytest.fixture(scope="module")
def all_phrases() -> list[tuple[str, str, set[str]]]:
    return list(phrases())


def test_every_phrase_is_in_the_catalogue_with_the_english_of_its_source_and_all_its_values(
    all_phrases: list[tuple[str, str, set[str]]],
) -> None:
    wrong = [
        code
        for code, english, values in all_phrases
        if code not in TEXTS or TEXTS[code]["en"] != english or placeholders(english) != values
    ]
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_can_be_said_in_every_language(
    language: str, all_phrases: list[tuple[str, str, set[str]]]
) -> None:
    t = Translator(ALL, language)
    for code, english, names in all_phrases:
        numbers = any(f"{{{name}:" in english for name in names)
        phrase = Phrase(code, english, **dict.fromkeys(names, 7 if numbers else "Xy"))
        words = t.phrase(phrase)
        assert words
        assert all(value in words for value in ({"7"} if numbers and names else {"Xy"} if names else set())), code


def test_a_phrase_is_its_english_text_everywhere_else() -> None:
    assert EMPTY == "a<b>.txt is empty."
    assert str(InputError(EMPTY)) == InputError(EMPTY).message == EMPTY
    assert msgspec.json.encode({"error": EMPTY}, enc_hook=str) == b'{"error":"a<b>.txt is empty."}'


def test_a_page_says_a_phrase_in_its_language_and_marks_what_it_has_in_english_only() -> None:
    assert said(GERMAN, EMPTY) == "a&lt;b&gt;.txt ist leer."
    assert said(GERMAN, "A <b> broke.") == '<span lang="en">A &lt;b&gt; broke.</span>'
    assert said(ENGLISH, "A <b> broke.") == "A &lt;b&gt; broke."
    assert said(GERMAN, "") == ""


def test_a_part_of_a_sentence_becomes_one() -> None:
    slow = Phrase("reasons.slow", "gives fewer than {floor:g} tokens per second", floor=8.0)
    assert sentence(GERMAN, slow) == "Schafft weniger als 8 Token pro Sekunde."
    assert sentence(CHINESE, slow) == "每秒不足 8 词元。"
    assert sentence(ENGLISH, slow) == "Gives fewer than 8 tokens per second."
    assert sentence(GERMAN, "is broken") == '<span lang="en">Is broken.</span>'
    assert sentence(GERMAN, "") == ""


def test_phrases_within_a_phrase_are_said_in_the_language_too() -> None:
    slow = Phrase("reasons.slow", "gives fewer than {floor:g} tokens per second", floor=2.5)
    note = Phrase("reasons.unpleasant", "It will be slower than is pleasant: it {reason}.", reason=slow)
    assert note == "It will be slower than is pleasant: it gives fewer than 2.5 tokens per second."
    assert said(GERMAN, note) == "Es wird langsamer sein als angenehm: schafft weniger als 2.5 Token pro Sekunde."
    assert said(CHINESE, joined("", EMPTY, EMPTY)) == "a&lt;b&gt;.txt 是空文件。a&lt;b&gt;.txt 是空文件。"


def test_commands_within_a_text_are_shown_as_code_and_nothing_else_becomes_markup() -> None:
    assert said(ENGLISH, "Run `edgewise doctor`.") == "Run <code>edgewise doctor</code>."
    assert said(ENGLISH, "`<b>` & `") == "<code>&lt;b&gt;</code> &amp; `"
