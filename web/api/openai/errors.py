"""Errors as OpenAI clients expect them.

The `openai` package tries again by itself on 408, 409, 429 and 5xx, after the seconds in `Retry-After`; the header
`x-should-retry: false` stops it where that cannot help.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from agent.errors import (
    ConfigError,
    ContextOverflowError,
    EdgewiseError,
    EngineDiedError,
    EngineUnavailableError,
    ForbiddenError,
    InputError,
    ModelError,
    ModelNotFoundError,
    NotFoundError,
    QueueFullError,
    RequestError,
    SignInError,
    StoreError,
    TooManyTriesError,
)
from agent.storing import is_unwritable

logger = logging.getLogger(__name__)

_INVALID = "invalid_request_error"
_LIMIT = "rate_limit_error"
_RESTART_SECONDS = 2  # an engine that died is loading again by then

_UNWRITABLE = (507, "server_error", "storage_unwritable")

# The first row that fits counts: class, status, type, code.
_KNOWN: tuple[tuple[type[EdgewiseError], int, str, str | None], ...] = (
    (ContextOverflowError, 400, _INVALID, "context_length_exceeded"),
    (RequestError, 400, _INVALID, None),
    (InputError, 400, _INVALID, None),
    (SignInError, 401, _INVALID, "invalid_api_key"),
    (ForbiddenError, 403, "permission_error", "insufficient_permissions"),
    (ModelNotFoundError, 404, _INVALID, "model_not_found"),
    (NotFoundError, 404, _INVALID, "not_found"),
    (ModelError, 400, _INVALID, None),
    (QueueFullError, 429, _LIMIT, "queue_full"),
    (TooManyTriesError, 429, _LIMIT, "too_many_tries"),
    (EngineUnavailableError, 503, "unavailable_error", "model_not_ready"),
    (EngineDiedError, 503, "server_error", "engine_died"),
    (StoreError, 503, "server_error", "storage_failed"),
    (ConfigError, 503, "server_error", "storage_failed"),  # which model is to serve cannot be written down
    (EdgewiseError, 500, "server_error", None),
)


class ErrorDetail(msgspec.Struct):
    """What went wrong. `type` and `code` are for programs, `param` is the field of the request that is to blame."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(msgspec.Struct):
    """The body of every reply that is an error, and the last event of a stream that breaks."""

    error: ErrorDetail


@dataclass(frozen=True)
class Failure:
    """An error as it goes to the client."""

    status: int
    body: ErrorBody
    headers: dict[str, str] = field(default_factory=dict)


def to_failure(error: EdgewiseError) -> Failure:
    """Return what a client is told about an error; its hint becomes part of the message."""
    full = is_unwritable(error)
    status, kind, code = _UNWRITABLE if full else next(row[1:] for row in _KNOWN if isinstance(error, row[0]))
    detail = ErrorDetail(f"{error.message} {error.hint}".rstrip(), kind, code=code)
    headers: dict[str, str] = {}
    match error:
        case RequestError(param=param) | InputError(field=param):
            detail.param = param or None
        case SignInError():
            headers = {"WWW-Authenticate": "Bearer"}
        case TooManyTriesError(retry_after=seconds):
            headers = {"Retry-After": str(seconds)}
        case ModelNotFoundError():
            detail.param = "model"
        case QueueFullError(retry_after=seconds) | EngineUnavailableError(retry_after=seconds):
            headers = {"Retry-After": str(seconds)} if seconds else {"x-should-retry": "false"}
        case EngineDiedError():
            headers = {"Retry-After": str(_RESTART_SECONDS)}
    return Failure(status, ErrorBody(detail), {"x-should-retry": "false"} if full else headers)


def describe(request: Request[Any, Any, Any], error: Exception) -> Failure:
    """Return what a client is told about any exception; one that nobody has foreseen is logged."""
    if isinstance(error, EdgewiseError):
        return to_failure(error)
    if isinstance(error, HTTPException):
        return _from_http(request, error)
    if isinstance(error, RecursionError):
        return _failure(400, "The body is nested too deeply.")
    if is_unwritable(error):
        logger.error("%s %s failed: %s", request.method, request.scope["path"], error)
        return _failure(507, "Nothing can be kept now: the disk is full, or can only be read.", _UNWRITABLE[-1])
    logger.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    return _failure(500, "The server failed on this request; its log says why.")


def to_response(failure: Failure) -> Response[ErrorBody]:
    """Return the reply that tells a failure."""
    return Response(failure.body, status_code=failure.status, headers=failure.headers)


def _from_http(request: Request[Any, Any, Any], error: HTTPException) -> Failure:
    """Say in our words what litestar has found wrong."""
    path = request.scope["path"]  # not of its URL: a host that is none makes that fail
    match error.status_code:
        case 404:
            failure = _failure(404, f"There is nothing at {path}.", "not_found")
        case 405:
            failure = _failure(405, f"{path} does not answer {request.method}.", "method_not_allowed")
        case 413:
            failure = _failure(413, "The request body is too large.", "request_too_large")
        case status:
            failure = _failure(status, error.detail)
    failure.headers.update(error.headers or {})
    return failure


def _failure(status: int, message: str, code: str | None = None) -> Failure:
    kind = "server_error" if status >= 500 else _INVALID  # noqa: PLR2004 - the definition of a server error
    return Failure(status, ErrorBody(ErrorDetail(message, kind, code=code)))
