"""Moments are told in words, in the language of the reader."""

import pytest

from web.ago import ago
from web.locale import Texts, Translator

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-500, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3_599, "59 minutes ago"),
        (3_600, "1 hour ago"),
        (86_400, "1 day ago"),
        (86_400 * 40, "40 days ago"),
    ],
)
def test_the_unit_grows_with_the_distance(seconds: float, words: str) -> None:
    assert ago(Translator(Texts(), "en"), NOW - seconds, NOW) == words


def test_what_never_happened_says_so_in_the_language_of_the_reader() -> None:
    assert ago(Translator(Texts(), "de"), None, NOW) == "noch nie"
