"""`POST /v1/chat/completions`: the request, and how it is handed to the engine."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.types import ASGIApp
from msgspec import Meta, Struct

from agent.errors import RequestError
from agent.inference.frames import Generate
from agent.node import Node
from web.answers import start_all
from web.api.asker import asker
from web.api.openai.chat_reply import ChatStream, encode_reply
from web.api.openai.constraints import check_grammar, check_schema
from web.api.openai.models import require
from web.api.openai.reply import new_head
from web.api.openai.requests import CompletionFields, TokenLimit, checked, decode, repeat, sampling, stops
from web.api.openai.tool_calls import forced_schema
from web.replies import EventStream, WholeReply


class ContentPart(Struct, frozen=True):
    """A part of a message."""

    type: str
    text: str = ""


class Message(Struct, frozen=True, omit_defaults=True):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None
    name: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class JsonSchema(Struct, frozen=True):
    """A named JSON schema."""

    schema: dict[str, Any] = {}


class ResponseFormat(Struct, frozen=True):
    """What shape the answer must have; `schema` beside `json_object` is llama.cpp's."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None
    schema: dict[str, Any] | None = None


class ChatRequest(CompletionFields, frozen=True, kw_only=True):
    """The body of a request.

    Attributes:
        max_completion_tokens: the newer name of `max_tokens`; wins if both are there.
        chat_template_kwargs: variables for the model's chat template (llama.cpp).
    """

    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: TokenLimit | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    chat_template_kwargs: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(ChatRequest)


@post(["/chat/completions", "/v1/chat/completions"], access="key:chat")
async def create_chat_completion(request: Request[Any, Any, Any], node: NamedDependency[Node]) -> ASGIApp:
    """Answer a conversation."""
    asked = decode(_decoder, await request.body())
    check_grammar(request.user, asked.grammar)
    call = forced_schema(asked.tools, asked.tool_choice)
    check_schema(request.user, [msgspec.to_builtins(asked.response_format), call])
    model = require(node, asked.model)
    answers = start_all(node, to_engine(asked), asker(request))
    head = new_head("chatcmpl-", node, model)
    if asked.stream:
        form = ChatStream(
            head, asked.n or 1, usage=asked.wants_usage, progress=bool(asked.return_progress), calls=call is not None
        )
        return EventStream(answers, form)
    return WholeReply(answers, lambda complete: encode_reply(head, complete, calls=call is not None))


def to_engine(asked: ChatRequest) -> list[Generate]:
    """Return what the engine has to do for a request: one generation for each of the n answers.

    Raises:
        RequestError: the request asks for what cannot be done; names the field.
    """
    messages = [_for_template(message, f"messages[{i}]") for i, message in enumerate(asked.messages)]
    limit = asked.max_tokens if asked.max_completion_tokens is None else asked.max_completion_tokens
    drawn = sampling(asked, top_logprobs=_top_logprobs(asked), schema=_schema(asked))
    tools = checked(asked.tools, "tools") if asked.tools and asked.tool_choice != "none" else None
    variables = checked(asked.chat_template_kwargs or {}, "chat_template_kwargs")
    return [
        Generate(
            id=0,  # the supervisor numbers them
            sampling=each,
            messages=messages,
            max_tokens=max(limit or 0, 0),
            stop=stops(asked),
            tools=tools,
            template=variables,
        )
        for each in repeat(drawn, asked.n)
    ]


def _for_template(message: Message, place: str) -> dict[str, Any]:
    """Return a message as chat templates know it: text only, no developers."""
    if message.content is None and message.role != "assistant":
        raise RequestError(f"{place}.content is missing.", param=f"{place}.content")
    parts = message.content or ""
    text = parts if isinstance(parts, str) else "\n".join(_text(part, place) for part in parts)
    role = "system" if message.role == "developer" else message.role
    known: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(message, content=None))
    return {**checked(known, f"{place}.tool_calls"), "role": role, "content": text}


def _text(part: ContentPart, place: str) -> str:
    if part.type != "text":
        message = f"{place}.content has a part of type {part.type!r}; this model reads text only."
        raise RequestError(message, param=f"{place}.content")
    return part.text


def _top_logprobs(asked: ChatRequest) -> int | None:
    if asked.logprobs:
        return asked.top_logprobs or 0
    if asked.top_logprobs:
        raise RequestError("top_logprobs needs logprobs to be true.", param="top_logprobs")
    return None


def _schema(asked: ChatRequest) -> str:
    """Return the JSON schema of the answer as JSON text; empty for none."""
    wanted = asked.response_format
    call = forced_schema(asked.tools, asked.tool_choice)
    if wanted is None or wanted.type == "text":
        return msgspec.json.encode(call).decode() if call else ""
    if call:
        raise RequestError("A forced call of a tool and response_format exclude each other.", param="response_format")
    if wanted.type == "json_object":
        schema = wanted.schema or {"type": "object"}
    elif wanted.json_schema is None:
        raise RequestError("response_format.json_schema is missing.", param="response_format.json_schema")
    else:
        schema = wanted.json_schema.schema
    return msgspec.json.encode(schema).decode()
