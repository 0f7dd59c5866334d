"""What each handler for programs takes and gives; the document for OpenAPI is made from this list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from litestar.handlers import HTTPRouteHandler

from agent.bundles.journal import Applied
from agent.downloads import Download
from agent.state import Health, SelectionState
from web import health
from web.api import metrics
from web.api.edgewise import bundles, models, safe_mode, selection, telemetry
from web.api.openai import chat, chat_reply, completions, completions_reply, embeddings
from web.api.openai import models as openai_models

JSON = "application/json"
TEXT = "text/plain"
FILE = "application/octet-stream"


@dataclass(frozen=True)
class Operation:
    """One handler.

    Attributes:
        handler: knows its paths, methods, status, who may call it, and its description.
        reply: what it answers; None: nothing.
        body: what it takes; None: nothing, or a file.
        takes: media type of the body; empty: there is none.
        gives: media types of the reply, as is asked for.
        events: data of the server-sent events, which come in place of the reply when the body asks for a stream.
        query: parameters behind the question mark, with their types.
        unready: what comes with 503 in place of an error.
        status: of the reply; 0: as the handler says, which one that answers by itself does not.
    """

    handler: HTTPRouteHandler
    reply: Any = None
    body: Any = None
    takes: str = ""
    gives: Sequence[str] = (JSON,)
    events: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    unready: Any = None
    status: int = 0


OPERATIONS = (
    Operation(
        chat.create_chat_completion,
        chat_reply.ChatCompletion,
        chat.ChatRequest,
        takes=JSON,
        events=chat_reply.Chunk,
        status=200,
    ),
    Operation(
        completions.create_completion,
        completions_reply.Completion,
        completions.CompletionRequest,
        takes=JSON,
        events=completions_reply.Completion,
        status=200,
    ),
    Operation(
        embeddings.create_embeddings, embeddings.EmbeddingList, embeddings.EmbeddingRequest, takes=JSON, status=200
    ),
    Operation(openai_models.list_models, openai_models.ModelList),
    Operation(openai_models.retrieve_model, openai_models.Model),
    Operation(health.health, Health, unready=Health),
    Operation(metrics.show_metrics, str, gives=(TEXT, "application/openmetrics-text")),
    Operation(selection.show_selection, SelectionState),
    Operation(telemetry.show_telemetry, telemetry.TelemetryState),
    Operation(models.show_models, models.Models),
    Operation(models.pull_model, Download, models.Pull, takes=JSON),
    Operation(models.pause_download, Download),
    Operation(models.resume_download, Download),
    Operation(models.cancel_download),
    Operation(models.use_model, models.Use, models.Use, takes=JSON),
    Operation(models.delete_model),
    Operation(bundles.show_bundles, bundles.InForce),
    Operation(bundles.apply_bundle, bundles.InForce, takes=FILE, query={"dry_run": bool}),
    Operation(bundles.take_back, Applied),
    Operation(safe_mode.show_safe_mode, safe_mode.SafeModeReply),
    Operation(safe_mode.enter_safe_mode, safe_mode.SafeModeReply, safe_mode.SafeModeWish, takes=JSON),
    Operation(safe_mode.leave_safe_mode, safe_mode.SafeModeReply),
)
