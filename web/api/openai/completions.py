"""`POST /v1/completions`: the request, and how it is handed to the engine."""

from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.types import ASGIApp
from msgspec import Meta

from agent.errors import RequestError
from agent.inference.frames import Generate
from agent.node import Node
from web.answers import start_all
from web.api.asker import asker
from web.api.openai.completions_reply import CompletionStream, encode_reply
from web.api.openai.constraints import check_grammar
from web.api.openai.models import require
from web.api.openai.reply import new_head
from web.api.openai.requests import CompletionFields, TokenId, decode, repeat, sampling, stops
from web.replies import EventStream, WholeReply

Prompt = str | list[int]

_DEFAULT_MAX_TOKENS = 16  # OpenAI's, for this endpoint only
_MAX_PROMPTS = 128


class CompletionRequest(CompletionFields, frozen=True, kw_only=True):
    """The body of a request.

    Attributes:
        prompt: a text, a list of token ids, or a list of such prompts.
        echo: begin each answer with its prompt.
        logprobs: how many alternatives to report with each token of the answer.
        best_of: draw so many answers and return the best n; only as many as n can be drawn.
        suffix: what comes after the answer; not supported.
    """

    prompt: str | Annotated[list[str | TokenId | list[TokenId]], Meta(min_length=1)]
    echo: bool | None = None
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    best_of: Annotated[int, Meta(ge=0, le=16)] | None = None
    suffix: str | None = None


_decoder = msgspec.json.Decoder(CompletionRequest)


@post(["/completions", "/v1/completions"], access="key:chat")
async def create_completion(request: Request[Any, Any, Any], node: NamedDependency[Node]) -> ASGIApp:
    """Continue one or more prompts."""
    asked = decode(_decoder, await request.body())
    check_grammar(request.user, asked.grammar)
    model = require(node, asked.model)
    prompts = to_prompts(asked)
    answers = start_all(node, to_engine(asked, prompts), asker(request))
    head = new_head("cmpl-", node, model)
    n = asked.n or 1
    echoes = [prompt if asked.echo and isinstance(prompt, str) else "" for prompt in prompts for _ in range(n)]
    if asked.stream:
        return EventStream(answers, CompletionStream(head, echoes, n, usage=asked.wants_usage))
    return WholeReply(answers, lambda complete: encode_reply(head, echoes, n, complete))


def to_prompts(asked: CompletionRequest) -> list[Prompt]:
    """Return the prompts of a request.

    Raises:
        RequestError: they are too many, or of mixed kinds.
    """
    given = asked.prompt
    if isinstance(given, str):
        return [given]
    tokens = [item for item in given if isinstance(item, int)]
    prompts: list[Prompt] = [item for item in given if not isinstance(item, int)]
    if tokens and prompts:
        raise RequestError("prompt mixes token ids with whole prompts.", param="prompt")
    if len(prompts) * (asked.n or 1) > _MAX_PROMPTS:
        raise RequestError(f"prompt asks for more than {_MAX_PROMPTS} answers.", param="prompt")
    return prompts or [tokens]


def to_engine(asked: CompletionRequest, prompts: list[Prompt]) -> list[Generate]:
    """Return what the engine has to do for a request: n generations for each prompt, one after the other.

    Raises:
        RequestError: the request asks for what cannot be done; names the field.
    """
    _refuse_unsupported(asked, prompts)
    drawn = sampling(asked, top_logprobs=asked.logprobs)
    limit = _DEFAULT_MAX_TOKENS if asked.max_tokens is None else max(asked.max_tokens, 0)
    return [
        Generate(id=0, sampling=each, prompt=prompt, max_tokens=limit, stop=stops(asked))
        for prompt in prompts
        for each in repeat(drawn, asked.n)
    ]


def _refuse_unsupported(asked: CompletionRequest, prompts: list[Prompt]) -> None:
    if asked.suffix:
        raise RequestError("suffix is not supported: the model continues texts, it does not fill gaps.", param="suffix")
    if (asked.best_of or 0) > (asked.n or 1):
        raise RequestError("best_of can be n only: answers are not ranked.", param="best_of")
    if not asked.echo:
        return
    if asked.logprobs is not None:
        raise RequestError("echo gives no log probabilities of the prompt; ask for one of the two.", param="echo")
    if any(isinstance(prompt, list) for prompt in prompts):
        raise RequestError("echo needs prompts of text, not of token ids.", param="echo")
