"""The catalogue of texts is whole, fits the templates, and templates have no words of their own."""

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.texts import (
    SOURCES,
    TEMPLATES,
    WEB,
    Use,
    constants,
    in_source,
    in_template,
    own_words,
    phrases,
    placeholders,
)
from web.locale import LANGUAGES, Texts, Translator, preferred

TEXTS = Texts().by_key
PAGES = sorted({key.partition(".")[0] for key in TEXTS})
WITHOUT_PLURAL = {"zh"}
KEY = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z0-9]+(_[a-z0-9]+)*")
FILES = [*TEMPLATES, *SOURCES]


def uses_in(path: Path) -> list[Use]:
    return list(in_template(path) if path.suffix == ".html" else in_source(path))


def texts_of(page: str) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Yield the keys of a page with their forms by language: one, or singular and plural."""
    for key, texts in TEXTS.items():
        if key.startswith(f"{page}."):
            yield key, {language: text if isinstance(text, list) else [text] for language, text in texts.items()}


def wanted(key: str) -> set[str]:
    """Return the names of the values that a text takes."""
    text = TEXTS[key]["en"]
    return placeholders(text[-1]) | {"n"} if isinstance(text, list) else placeholders(text)


def fits(use: Use) -> bool:
    """Tell whether a text exists and gets its values; of those that are computed, whether one does."""
    return any(use.values is None or use.values == wanted(key) for key in fnmatch.filter(TEXTS, use.key))


@pytest.mark.parametrize("page", PAGES)
def test_a_text_is_there_in_every_language(page: str) -> None:
    for key, forms in texts_of(page):
        assert set(forms) == set(LANGUAGES), key
        assert all(form.strip() for texts in forms.values() for form in texts), key


@pytest.mark.parametrize("page", PAGES)
def test_a_text_has_the_same_placeholders_in_every_language(page: str) -> None:
    for key, forms in texts_of(page):
        for language, (*singular, text) in forms.items():
            assert placeholders(text) == placeholders(forms["en"][-1]), (key, language)
            for one in singular:  # `one file` may do without its number
                assert placeholders(one) | {"n"} == placeholders(text) | {"n"}, (key, language)


@pytest.mark.parametrize("page", PAGES)
def test_a_count_has_singular_and_plural_where_the_language_has_them(page: str) -> None:
    for key, forms in texts_of(page):
        if any(isinstance(text, list) for text in TEXTS[key].values()):
            for language, texts in forms.items():
                assert isinstance(TEXTS[key][language], list), (key, language)
                assert len(texts) == (1 if language in WITHOUT_PLURAL else 2), (key, language)


def test_keys_are_named_alike() -> None:
    assert not [key for key in TEXTS if not KEY.fullmatch(key)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(WEB).as_posix())
def test_every_text_that_is_used_exists_and_gets_its_values(path: Path) -> None:
    assert not [use for use in uses_in(path) if not fits(use)]


def test_every_text_is_used() -> None:
    names = {name for path in FILES for name in constants(path)}
    used = set(names)
    for key in {use.key for path in FILES for use in uses_in(path)} - {"*"}:
        page, _, rest = key.partition(".")
        used |= {f"{page}.{name}" for name in names} if rest == "*" else set(fnmatch.filter(TEXTS, key))
    assert not set(TEXTS) - used - {code for code, _, _ in phrases()}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(WEB).as_posix())
def test_a_template_has_no_words_of_its_own(path: Path) -> None:
    assert not own_words(path.read_text(encoding="utf-8"))


def test_words_in_a_template_are_found_wherever_they_are_seen_or_heard() -> None:
    assert own_words('<p class="x">Hi {{ name }}</p>{# no #}<code>x</code>') == ["Hi"]
    assert own_words('<input type="submit" value="Go"><a title="There {{ n }}">') == ["Go", "There"]
    assert not own_words('<input name="go" value="go">{{ t("x.y") }}{% if a %}…{% endif %}')


def test_the_language_is_the_one_chosen_else_the_one_the_browser_likes_best() -> None:
    assert preferred("fr", "de") == "fr"
    assert preferred("", "pt;q=1, de;q=0.5, es-MX;q=0.8") == "es"
    assert preferred("xx", "pt, *") == "en"
    assert preferred("", "pt, *", "de") == "de"
    assert preferred("", "", "xx") == "en"


def test_a_count_chooses_the_form() -> None:
    texts = Texts()
    assert Translator(texts, "fr")("time.days_ago", n=0).endswith("jour")
    assert Translator(texts, "en")("time.days_ago", n=0).endswith("days ago")
    assert Translator(texts, "zh")("time.days_ago", n=1) == "1 天前"
