"""The web application: the only place where routes, the guard and the error handler meet."""

from litestar import Litestar
from litestar.di import Provide

from agent.node import Node
from web import health
from web.api.edgewise import selection
from web.api.openai import chat, completions, models
from web.api.openai.errors import error_response
from web.origin import origin_guard

_MAX_BODY = 8 * 1024 * 1024  # bytes; a conversation that fills a context of 128 k tokens has about half a million

_ROUTES = [
    health.index,
    health.health,
    chat.create_chat_completion,
    completions.create_completion,
    models.list_models,
    models.retrieve_model,
    selection.show_selection,
]


def create_app(node: Node) -> Litestar:
    """Return the application of one node, which is started and stopped elsewhere."""
    return Litestar(
        _ROUTES,
        dependencies={"node": Provide(lambda: node, sync_to_thread=False)},
        exception_handlers={Exception: error_response},
        guards=[origin_guard(node.config.host)],
        request_max_body_size=_MAX_BODY,
        openapi_config=None,  # its pages load scripts from other servers
        logging_config=None,  # the command line decides about logging
    )
