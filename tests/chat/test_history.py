"""What the model is given of a conversation that is too long for it."""

from agent.chat.history import build, estimate, shorten
from agent.chat.records import Message, Stats


def talk(*texts: str, stats: dict[int, Stats] | None = None) -> list[Message]:
    return [
        Message(
            id=str(number),
            conversation_id="c",
            parent_id=None,
            role="user" if number % 2 == 0 else "assistant",
            text=text,
            state="complete",
            created=0.0,
            stats=(stats or {}).get(number, Stats()),
        )
        for number, text in enumerate(texts)
    ]


def given(path: list[Message], context: int, system: str = "", max_tokens: int = 0) -> tuple[list[str], int]:
    prompt = build(path, [m.text for m in path], system=system, context=context, max_tokens=max_tokens)
    return [message["content"] for message in prompt.messages], prompt.left_out


def test_all_of_a_short_conversation_is_given() -> None:
    assert given(talk("a", "b", "c"), 1000, "be kind") == (["be kind", "a", "b", "c"], 0)


def test_the_beginning_is_left_out_when_it_does_not_fit() -> None:
    long = "word " * 200
    texts, left_out = given(talk(long, long, long, long, "question"), 600, "be kind")
    assert texts[0] == "be kind"
    assert texts[-1] == "question"
    assert left_out in {2, 4}
    assert len(texts) == 1 + 5 - left_out


def test_what_is_kept_begins_with_the_user() -> None:
    path = talk(*["word " * 60] * 9)
    prompt = build(path, [m.text for m in path], system="", context=600, max_tokens=0)
    assert prompt.messages[0]["role"] == "user"
    assert prompt.left_out % 2 == 0


def test_the_same_messages_stay_left_out_while_there_is_room() -> None:
    path = talk("one", "two", "three", "four", "five", stats={3: Stats(prompt=20, completion=5, left_out=2)})
    assert given(path, 4000)[1] == 2


def test_what_was_measured_counts_more_than_what_is_guessed() -> None:
    dense = "x" * 700  # guessed at 200 tokens
    path = talk(dense, "yes", "more", stats={1: Stats(prompt=700, completion=2)})
    assert given(path, 900)[1] == 2
    assert given(talk(dense, "yes", "more"), 900)[1] == 0


def test_the_question_is_always_given() -> None:
    assert given(talk("a", "b", "word " * 5000), 500)[0] == ["word " * 5000]


def test_a_refused_prompt_is_made_shorter_until_only_the_question_is_left() -> None:
    path = talk(*["word"] * 9)
    texts = [m.text for m in path]
    prompt = build(path, texts, system="", context=4000, max_tokens=0)
    lengths = []
    while (shorter := shorten(path, texts, prompt, system="")) is not None:
        prompt = shorter
        lengths.append(len(prompt.messages))
    assert lengths == sorted(set(lengths), reverse=True)
    assert lengths[-1] == 1


def test_chinese_has_more_tokens_for_its_length() -> None:
    assert estimate("你好世界") == 4
    assert estimate("hello world!") < 5
