import pytest

from agent.chat.titles import first_title, title_of


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("How do I boil an egg?", "How do I boil an egg?"),
        ("Hi. How do I boil an egg? I have no timer.", "Hi. How do I boil an egg?"),
        ("# A **bold** [plan](http://x.y/z)\nmore", "A bold plan"),
        ("- `make test` fails.", "make test fails"),
        ("\n\n  \nsecond paragraph", "second paragraph"),
        ("Explain this:\n```python\nprint(1)\n```", "Explain this"),
        ("```python\n\ndef add(a_b, c):\n    pass\n```", "def add(a_b, c):"),
        ("请解释一下什么是量子力学。我是初学者。", "请解释一下什么是量子力学"),
        ("3. point", "point"),
        ("```", ""),
        ("**", "**"),
        ("", ""),
    ],
)
def test_a_title_is_the_first_sentence_without_marks(text: str, title: str) -> None:
    assert title_of(text) == title.rstrip(":")


@pytest.mark.parametrize(
    ("text", "file", "title"),
    [
        ("Hello there, you", "a.txt", "Hello there, you"),
        ("", "a.txt", "a.txt"),
        ("...", "", "..."),
        ("\u200b", "", "…"),
    ],
)
def test_a_conversation_always_has_a_title(text: str, file: str, title: str) -> None:
    assert first_title(text, file) == title


def test_a_long_title_is_cut_at_a_word() -> None:
    title = title_of("word " * 40)
    assert title == "word " * 11 + "word…"
    assert len(title_of("字" * 100)) == 60


@pytest.mark.parametrize("text", ["[" * 100_000, "[](" * 50_000, "*" * 100_000, "> " * 50_000, "a_" * 50_000])
def test_whatever_is_said_has_a_title_of_60_characters_at_most(text: str) -> None:
    assert len(title_of(text)) <= 60
