"""`GET /v1/models` and `GET /v1/models/{id}`."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

from agent.embeddings.encoder import Encoder
from agent.errors import ModelNotFoundError
from agent.models.embedder import NAME
from agent.node import Node


class ModelMeta(Struct):
    """What is known about a model beyond OpenAI's fields; lengths are in tokens."""

    architecture: str
    context_length: int
    training_context_length: int
    vocabulary: int
    parallel: int
    engine: str


class Model(Struct, tag_field="object", tag="model"):
    """A model that answers requests."""

    id: str
    created: int
    meta: ModelMeta
    owned_by: str = "edgewise"


class ModelList(Struct, tag_field="object", tag="list"):
    """All models that answer requests."""

    data: list[Model]


@get("/v1/models", access="key:chat", sync_to_thread=False)
def list_models(node: NamedDependency[Node]) -> ModelList:
    """Return the model that answers requests, none while it loads, and the one that makes embeddings."""
    encoder = node.embeddings.installed()
    encoders = [_encoder(node, encoder)] if encoder else []
    return ModelList([*(_model(node, name) for name in node.names()), *encoders])


@get("/v1/models/{name:path}", access="key:chat", sync_to_thread=False)
def retrieve_model(name: FromPath[str], node: NamedDependency[Node]) -> Model:
    """Return one model by any name it answers to."""
    wanted = name.removeprefix("/")
    encoder = node.embeddings.installed() if wanted.lower() == NAME else None
    return _encoder(node, encoder) if encoder else _model(node, require(node, wanted))


def require(node: Node, name: str) -> str:
    """Return the name of the model that a request for `name` is for.

    While nothing is loaded it cannot be said what is served; the engine then refuses with the reason.

    Raises:
        ModelNotFoundError: the model that is loaded does not go by this name.
    """
    names = node.names()
    if names and not node.serves(name):
        raise ModelNotFoundError(f"There is no model {name!r} here.", hint=f"This server has {names[0]!r}.")
    return names[0] if names else name


def _encoder(node: Node, encoder: Encoder) -> Model:
    config = encoder.config
    meta = ModelMeta(
        architecture=config.model_type,
        context_length=encoder.limit,
        training_context_length=config.max_position_embeddings,
        vocabulary=config.vocab_size,
        parallel=1,
        engine="onnxruntime",
    )
    return Model(NAME, int(node.started), meta)


def _model(node: Node, name: str) -> Model:
    info = node.model
    if info is None:
        raise ModelNotFoundError(f"There is no model {name!r} here yet.", hint="GET /healthz says what is going on.")
    meta = ModelMeta(
        architecture=info.architecture,
        context_length=info.context,
        training_context_length=info.training_context,
        vocabulary=info.vocabulary,
        parallel=info.parallel,
        engine=info.build,
    )
    return Model(name, int(node.started), meta)
