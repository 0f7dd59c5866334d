"""The texts of the pages in several languages: `locales/PAGE.toml` has them all side by side.

    [greeting]
    en = "Hello {name}"
    de = "Hallo {name}"

is `t("PAGE.greeting", name="Ada")`. A text with a count is a list of the singular and the plural, chosen by the value
`n`; languages without plurals have a list of one.
"""

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from agent.phrase import Phrase

LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "zh": "中文"}
DEFAULT = "en"
_DIRECTORY = Path(__file__).with_name("locales")


class Texts:
    """All texts of all languages."""

    def __init__(self, directory: Path = _DIRECTORY) -> None:
        self._directory = directory

    @cached_property
    def by_key(self) -> Mapping[str, Mapping[str, str | list[str]]]:
        """The texts by language. They are read when the first is wanted: a device for programs alone needs none."""
        return {
            f"{path.stem}.{name}": texts
            for path in sorted(self._directory.glob("*.toml"))
            for name, texts in tomllib.loads(path.read_text(encoding="utf-8")).items()
        }


class Translator:
    """The texts of one language; what is missing there is English."""

    def __init__(self, texts: Texts, language: str) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its values filled in.

        Raises:
            KeyError: there is no such text, or a value is missing.
        """
        texts = self._texts.by_key[key]
        text = texts.get(self.language) or texts[DEFAULT]
        if isinstance(text, list):
            text = text[0] if values["n"] in self._singular or len(text) == 1 else text[1]
        return text.format(**values) if values else text

    def phrase(self, text: str) -> str | None:
        """Return what Edgewise says, in this language; None when it is no phrase, so that there is only English."""
        if not isinstance(text, Phrase):
            return None
        values = {name: self._value(value) for name, value in text.values.items()}
        try:
            return self(text.code, **values)
        except KeyError:  # another version of Edgewise has kept it, in words that have changed since
            return None

    def _value(self, value: object) -> object:
        return (self.phrase(value) or value) if isinstance(value, str) else value

    @property
    def _singular(self) -> tuple[int, ...]:
        return (0, 1) if self.language == "fr" else (1,)


def preferred(chosen: str, accept: str, default: str = "") -> str:
    """Return the language to use.

    Args:
        chosen: by the person; empty if not.
        accept: the header `Accept-Language`, whose first language that we have comes next.
        default: of the device, for whoever asks for none that we have.
    """
    if chosen in LANGUAGES:
        return chosen
    ranked = []
    for entry in accept.lower().split(","):
        tag, _, quality = entry.strip().partition(";q=")
        try:
            ranked.append((-float(quality or 1), tag.split("-")[0]))
        except ValueError:
            continue
    ranked.sort(key=lambda pair: pair[0])
    return next((tag for tag in [*(tag for _, tag in ranked), default] if tag in LANGUAGES), DEFAULT)
