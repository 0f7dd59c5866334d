"""What is thought and what is said, in any cutting of the stream."""

import pytest

from agent.chat.thinking import ThinkingSplitter


def split(text: str, size: int, *, thinking: bool = False) -> dict[str, str]:
    splitter = ThinkingSplitter(thinking=thinking)
    parts = [part for at in range(0, len(text), size) for part in splitter.push(text[at : at + size])]
    found = {"thought": "", "said": ""}
    for kind, piece in [*parts, *splitter.finish()]:
        found[kind] += piece
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("<think>hm</think>\n\nYes", "hm", "Yes"),
        ("\n<think>\nhm </thin k</think>Yes", "hm </thin k", "Yes"),
        ("[THINK]hm[/THINK]Yes", "hm", "Yes"),
        ("Yes", "", "Yes"),
        ("The mark <think> is text", "", "The mark <think> is text"),
        ("<thin", "", "<thin"),
        ("<think>never ends </th", "never ends </th", ""),
        ("<think></think>Yes", "", "Yes"),
        ("<b>bold</b>", "", "<b>bold</b>"),
        ("", "", ""),
    ],
)
def test_marks_at_the_beginning_are_around_what_is_thought(size: int, text: str, thought: str, said: str) -> None:
    assert split(text, size) == {"thought": thought, "said": said}


@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_prompt_may_have_opened_the_thinking(size: int) -> None:
    assert split("hm</think>\n\nYes", size, thinking=True) == {"thought": "hm", "said": "Yes"}


def test_an_answer_that_goes_on_keeps_its_white_space() -> None:
    splitter = ThinkingSplitter.after("", "said before", thinking=False)
    assert splitter.push(" <think>") == [("said", " <think>")]


def test_thinking_that_goes_on_ends_at_its_mark() -> None:
    splitter = ThinkingSplitter.after("thought before", "", thinking=True)
    assert splitter.push(" and after</think>\nYes") == [("thought", " and after"), ("said", "Yes")]
