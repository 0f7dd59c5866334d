"""Phrases on the disk, so that pages say the reason of a job in the reader's language after a restart too."""

import msgspec

from agent.phrase import Phrase


class Wording(msgspec.Struct):
    """What a phrase is made of."""

    code: str
    text: str
    values: "dict[str, Wording | str | float | int]"

    def phrase(self) -> Phrase:
        """Return the phrase."""
        values = {name: value.phrase() if isinstance(value, Wording) else value for name, value in self.values.items()}
        return Phrase.again(self.code, self.text, values)


def wording(text: str) -> Wording | None:
    """Return what a text is made of; None: it is no phrase, so it is the text and nothing else."""
    if not isinstance(text, Phrase):
        return None
    return Wording(text.code, str(text), {name: _kept(value) for name, value in text.values.items()})


def _kept(value: object) -> Wording | str | float | int:
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else str(value)
    return wording(text) or text
