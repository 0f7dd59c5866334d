"""Chat templates: Jinja source out of a downloaded file, so it runs in a sandbox with limits.

What a template may use is what `transformers` gives to the same templates: `messages`, `tools`, `bos_token`,
`eos_token`, `add_generation_prompt`, `raise_exception`, `strftime_now`, `tojson` and loop controls.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import nodes
from jinja2.ext import Extension, LoopControlExtension
from jinja2.parser import Parser

from agent.errors import ModelFileError, RequestError
from agent.inference.sandbox import Sandbox, TooMuch, limits

SECONDS = 2.0  # a long conversation renders in milliseconds; a template that loops must not stop the others
MAX_CHARACTERS = 16 * 1024 * 1024
_MAX_REASON = 1000  # characters
_MEMORY = 256 * 1024 * 1024  # bytes that one rendering may take, for what no operator shows in advance

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLAIN = (
    "{% for message in messages %}{{ message['role'] | capitalize }}: {{ message['content'] }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)


class _Refused(Exception):
    """The template itself says that it cannot render these messages."""


class _Failed(Exception):
    """The template has raised something else; in words, since those of an exception may take for ever to make."""


class _Generation(Extension):
    """The block `generation`, which marks what a model was trained on; here it is only its content."""

    tags = {"generation"}  # noqa: RUF012 - the type that the base class gives it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the content of the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTemplate:
    """Renders the messages of a chat into the prompt that the model was trained on.

    Raises:
        ModelFileError: the source is not a Jinja template.
    """

    def __init__(self, source: str, *, bos: str, eos: str) -> None:
        environment = Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[LoopControlExtension, _Generation])
        environment.filters["tojson"] = _tojson
        environment.globals.update(raise_exception=_refuse, strftime_now=_now)
        self._values = {"bos_token": bos, "eos_token": eos}
        try:
            with limits(SECONDS, _MEMORY):
                self._template = environment.from_string(source)
        except (TooMuch, Exception) as error:  # what Jinja and Python say to a malformed program varies
            raise ModelFileError(
                f"The chat template of the model cannot be read: {_reason(error)}.",
                field="tokenizer.chat_template",
                hint="The model can still complete prompts through /v1/completions.",
            ) from error

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the prompt, ending where the answer of the assistant begins.

        Raises:
            RequestError: the template refuses these messages or takes too long over them.
        """
        values = {**(variables or {}), **self._values, "messages": messages, "tools": tools}
        try:
            with limits(SECONDS, _MEMORY):
                return _joined(self._template.generate({**values, "add_generation_prompt": True}))
        except _Refused as error:
            raise RequestError(f"The chat template of the model refuses: {error}.", param="messages") from error
        except (TooMuch, MemoryError, RecursionError) as error:
            raise RequestError("The chat template of the model does not come to an end.", param="messages") from error
        except _Failed as error:
            message = f"The chat template of the model fails on these messages: {error}."
            raise RequestError(message, param="messages") from error


def _joined(parts: Iterable[str]) -> str:
    """Return the parts as one text that can be encoded.

    Raises:
        TooMuch: it is too long.
        _Failed: the template has raised an exception.
    """
    try:
        text = "".join(_bounded(parts))
        text.encode()  # a template may write half of a pair of surrogates
    except (_Refused, MemoryError, RecursionError):
        raise
    except Exception as error:  # noqa: BLE001 - a template is a program: it can raise anything
        raise _Failed(_reason(error)) from None
    return text


def _bounded(parts: Iterable[str]) -> Iterator[str]:
    size = 0
    for part in parts:
        size += len(part)
        if size > MAX_CHARACTERS:
            raise TooMuch
        yield part


def _tojson(
    value: object,
    ensure_ascii: bool = False,  # noqa: FBT001, FBT002 - the signature that transformers gives this filter
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,  # noqa: FBT001, FBT002 - as above
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: object) -> None:
    raise _Refused(_short(str(message)))


def _now(pattern: str) -> str:
    return dt.datetime.now().astimezone().strftime(pattern)


def _reason(error: BaseException) -> str:
    return _short(str(error)) or type(error).__name__


def _short(text: str) -> str:
    """Return the beginning of a text, without what cannot be sent."""
    return text[:_MAX_REASON].encode(errors="backslashreplace").decode().rstrip(".")
