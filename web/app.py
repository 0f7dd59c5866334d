"""The web application: the only place where routes, the door and the error handler meet."""

import importlib
import pkgutil
from types import ModuleType

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.types import ControllerRouterHandler

from agent.node import Node
from web import health, pages
from web.api.edgewise import bundles as edgewise_bundles
from web.api.edgewise import models as edgewise_models
from web.api.edgewise import openapi, safe_mode, selection, telemetry
from web.api.metrics import show_metrics
from web.api.openai import chat, completions, embeddings, models
from web.assets import Assets, serve_asset
from web.door.access import check_access
from web.door.csrf import check_token
from web.door.door import Door
from web.errors import error_response
from web.forms import FormRequest
from web.page import Pages
from web.streams import Streams

_MAX_BODY = 8 * 1024 * 1024  # bytes; a conversation that fills a context of 128 k tokens has about half a million

_ROUTES: list[ControllerRouterHandler] = [
    health.health,
    serve_asset,
    chat.create_chat_completion,
    completions.create_completion,
    embeddings.create_embeddings,
    models.list_models,
    models.retrieve_model,
    selection.show_selection,
    telemetry.show_telemetry,
    openapi.show_document,
    show_metrics,
    *edgewise_models.ROUTES,
    *edgewise_bundles.ROUTES,
    *safe_mode.ROUTES,
]


def create_app(node: Node) -> Litestar:
    """Return the application of one node, which is started and stopped elsewhere."""
    assets = Assets()
    app = Litestar(
        [*_ROUTES, *(route for module in _modules(pages) for route in module.ROUTES)],
        dependencies={"node": Provide(lambda: node, sync_to_thread=False)},
        exception_handlers={Exception: error_response},
        guards=[check_access, check_token],
        request_class=FormRequest,
        request_max_body_size=_MAX_BODY,
        state=State({"assets": assets, "pages": Pages(node, assets), "streams": Streams()}),
        openapi_config=None,  # its pages load scripts from other servers, and it sees only half of what handlers take
        logging_config=None,  # the command line decides about logging
    )
    app.asgi_handler = Door(app.asgi_handler, node)
    return app


def _modules(package: ModuleType) -> list[ModuleType]:
    """Return the modules of a package: a new page is a new file, and nothing else."""
    return [
        importlib.import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    ]
