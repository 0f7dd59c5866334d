"""`POST /v1/embeddings`."""

import asyncio
import base64
from array import array
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Meta, Struct

from agent.embeddings.frames import Texts
from agent.embeddings.installed import answers_to
from agent.embeddings.process import Vectors
from agent.errors import ModelNotFoundError, RequestError
from agent.models.embedder import NAME
from agent.node import Node
from web.answers import beside
from web.api.asker import asker
from web.api.openai.requests import TokenId, decode

_MAX_TEXTS = 2048  # of a request, as at OpenAI

Tokens = Annotated[list[TokenId], Meta(min_length=1)]


class EmbeddingRequest(Struct, frozen=True, kw_only=True):
    """The body of a request.

    Attributes:
        input: a text, tokens of the model, or a list of texts or of tokens.
        dimensions: of the vectors; only as many as the model has.
        truncate: cut texts that are too long (not at OpenAI).
    """

    input: str | Annotated[list[str | TokenId | Tokens], Meta(min_length=1)]
    model: str = ""
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    truncate: bool | None = None


class Embedding(Struct, tag_field="object", tag="embedding"):
    """A vector: numbers, or base64 of 32-bit floats, little-endian."""

    index: int
    embedding: list[float] | str


class EmbeddingUsage(Struct):
    """Tokens of all texts, with the marks that the model puts around each."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Struct, tag_field="object", tag="list"):
    """The reply."""

    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


_decoder = msgspec.json.Decoder(EmbeddingRequest)


@post(["/embeddings", "/v1/embeddings"], access="key:chat")
async def create_embeddings(request: Request[Any, Any, Any], node: NamedDependency[Node]) -> ASGIApp:
    """Turn texts into vectors."""
    asked = decode(_decoder, await request.body())
    if not answers_to(asked.model):
        raise ModelNotFoundError(
            f"There is no embedding model {asked.model!r} here.", hint=f"This server has {NAME!r}."
        )
    _check_dimensions(node, asked.dimensions)
    return EmbeddingReply(node, asked, asker(request))


class EmbeddingReply:
    """Computes and sends the vectors; gives up when the client goes away (an ASGI application)."""

    def __init__(self, node: Node, asked: EmbeddingRequest, who: str) -> None:
        self._node = node
        self._asked = asked
        self._who = who
        self._texts = to_texts(asked)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request (ASGI)."""
        work = self._node.embeddings.embed(self._texts, truncate=bool(self._asked.truncate), who=self._who)
        task = asyncio.create_task(work)
        try:
            async with beside(_cancel_when_gone(receive, task)):
                await asyncio.wait({task})
        finally:
            task.cancel()
        if task.cancelled():
            return  # nobody is there to be answered
        body = encode_reply(task.result(), as_base64=self._asked.encoding_format == "base64")
        length = str(len(body)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", length), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def to_texts(asked: EmbeddingRequest) -> Texts:
    """Return the texts of a request, or the tokens of each.

    Raises:
        RequestError: they are too many, empty, or of mixed kinds.
    """
    given = asked.input
    if isinstance(given, str):
        given = [given]
    texts: Texts = [item for item in given if not isinstance(item, int)]
    tokens = [item for item in given if isinstance(item, int)]
    if len({type(item) for item in given}) > 1:
        raise RequestError("input mixes texts and tokens.", param="input")
    if "" in texts:
        raise RequestError(f"input[{texts.index('')}] is empty.", param="input")
    if len(texts) > _MAX_TEXTS:
        raise RequestError(f"input has {len(texts)} texts; {_MAX_TEXTS} may be asked for at a time.", param="input")
    return [tokens] if tokens else texts


def encode_reply(vectors: Vectors, *, as_base64: bool) -> bytes:
    """Return the reply as JSON."""
    form = _to_base64 if as_base64 else _to_numbers
    data = [Embedding(index, form(vector)) for index, vector in enumerate(vectors.data)]
    return msgspec.json.encode(EmbeddingList(data, NAME, EmbeddingUsage(vectors.tokens, vectors.tokens)))


def _check_dimensions(node: Node, wanted: int | None) -> None:
    encoder = node.embeddings.installed()
    if wanted is None or encoder is None or wanted == encoder.config.hidden_size:
        return
    message = f"dimensions can only be {encoder.config.hidden_size}, those of the model."
    raise RequestError(message, param="dimensions")


def _to_base64(vector: bytes) -> list[float] | str:
    return base64.b64encode(vector).decode()


def _to_numbers(vector: bytes) -> list[float] | str:
    return array("f", vector).tolist()


async def _cancel_when_gone(receive: Receive, task: "asyncio.Task[Vectors]") -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    task.cancel()
