"""What admins set for the whole device, and what they may want to know of how it was started."""

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect

from agent.certificate import certificate
from agent.config import Config
from agent.errors import InputError
from agent.hostnames import addresses
from agent.node import Node
from agent.state import VERSION
from web.page import Form, PageRequest, page, translator
from web.reports import reports_form

_PAGE = "/settings/device"
_BASICS = ("name", "language", "use", "prefer")
_EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 - looked for, not listened on


@get(_PAGE, access="admin", sync_to_thread=False)
def show_device_settings(
    request: PageRequest, node: NamedDependency[Node], saved: FromQuery[str] = ""
) -> Response[str]:
    """Show the settings of the device; `saved` names what was changed a moment ago."""
    return device_page(request, node, saved=saved)


@post(_PAGE, access="admin")
async def set_basics(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str] | Redirect:
    """Keep name, language and purpose, as far as the configuration leaves them open."""
    answers = {name: data[name] for name in _BASICS if name in data}
    try:
        await node.settings.change(**answers)
    except InputError as error:
        if error.field != "name":
            raise
        wrong = translator(request)("settings.name_wrong")
        return device_page(request, node, status=400, error=wrong, name=data.get("name", ""))
    return Redirect(f"{_PAGE}?saved=basics", status_code=303)


def device_page(request: PageRequest, node: Node, *, status: int = 200, **more: object) -> Response[str]:
    """Return the page with all settings of the device; `more` is what somebody has just done or typed on it."""
    config, settings = node.config, node.settings
    context: dict[str, Any] = {"saved": "", "error": "", "name": settings.device.name, **more}
    return page(
        request,
        "settings_device.html",
        status=status,
        tab="device",
        settings=settings.device,
        use=settings.in_force("use"),
        prefer=settings.in_force("prefer"),
        reached_as=_reached_as(request, node),
        listens=f"{config.host}, {request.url.port or config.port}",
        fingerprint=_fingerprint(config),
        version=VERSION,
        state_dir=config.state_dir,
        models_dir=config.models_dir,
        **{**reports_form(node), **context},
    )


def _fingerprint(config: Config) -> str:
    """Return the fingerprint of the certificate that is in use; empty without one."""
    used = certificate(config)
    return used.fingerprint() if used else ""


def _reached_as(request: PageRequest, node: Node) -> list[str]:
    """Return the addresses that work in the network, that of this page first."""
    asked = f"{request.url.scheme}://{request.url.netloc}"
    if node.config.host not in _EVERY_ADDRESS:
        return [asked]
    port = f":{request.url.port}" if request.url.port else ""
    named = [node.discovery.name] if node.discovery.name else []
    hosts = [*named, *(f"{address}" for address in addresses() if address.version == 4)]  # noqa: PLR2004 - IPv4: what people can type
    return list(dict.fromkeys([asked, *(f"{request.url.scheme}://{host}{port}" for host in hosts)]))


ROUTES = [show_device_settings, set_basics]
