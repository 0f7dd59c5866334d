"""System prompt and sampling as the settings form of a conversation sends them."""

from collections.abc import Mapping

from agent.chat.records import ChatSettings
from agent.errors import InputError
from agent.phrase import Phrase

_REAL = {"temperature": (0, 2), "top_p": (0, 1), "min_p": (0, 1), "repeat_penalty": (0.5, 2)}
_WHOLE = {"top_k": (0, 1000), "seed": (0, 2**32 - 1)}
_MAX_TOKENS = 1_000_000
_THINKING = {"on": True, "off": False}


def read_settings(form: Mapping[str, object]) -> tuple[str, ChatSettings]:
    """Return the system prompt and the settings of a form; empty fields are left to the model.

    Raises:
        InputError: a number is none, or out of its range.
    """
    system = str(form.get("system", "")).replace("\r\n", "\n").strip()
    real = {name: _number(form, name, *bounds) for name, bounds in _REAL.items()}
    whole = {name: _integer(form, name, *bounds) for name, bounds in _WHOLE.items()}
    settings = ChatSettings(
        temperature=real["temperature"],
        top_p=real["top_p"],
        top_k=whole["top_k"],
        min_p=real["min_p"],
        repeat_penalty=real["repeat_penalty"],
        seed=whole["seed"],
        max_tokens=_integer(form, "max_tokens", 0, _MAX_TOKENS) or 0,
        thinking=_THINKING.get(str(form.get("thinking", ""))),
    )
    return system, settings


def _number(form: Mapping[str, object], name: str, least: float, most: float) -> float | None:
    text = str(form.get(name, "")).strip().replace(",", ".")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise InputError(
            Phrase(
                "errors.number_range",
                "{name} is a number from {least:g} to {most:g}, not {text!r}.",
                name=name,
                least=least,
                most=most,
                text=text,
            ),
            field=name,
        )
    return number


def _integer(form: Mapping[str, object], name: str, least: int, most: int) -> int | None:
    number = _number(form, name, least, most)
    return None if number is None else int(number)
