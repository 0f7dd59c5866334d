"""Where the device reports to: the form, how it stands with that, and the brokers that are in the network."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from agent.errors import ConfigError
from agent.node import Node
from agent.phrase import Phrase
from agent.telemetry.chosen import chosen_broker
from agent.telemetry.standing import standing
from web.page import Form, PageRequest, page, wants_fragment
from web.pages.device_settings import device_page
from web.reports import ReportsForm

_SECTION = "/settings/device?saved=telemetry#telemetry"


@post("/settings/telemetry", access="admin")
async def set_telemetry(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str] | Redirect:
    """Keep whether the device reports, where to, and as whom; an empty password leaves the one that is kept."""
    try:
        values, password = _checked(node, data)
    except ConfigError as error:
        typed = ReportsForm.of(node).typed(data)
        return device_page(request, node, status=400, reports=typed, wrong=error)
    await node.settings.change(password=password, **values)
    return Redirect(_SECTION, status_code=303)


@post("/settings/telemetry/forget", access="admin")
async def forget_password(node: NamedDependency[Node]) -> Redirect:
    """Delete the password that was set on the page."""
    await node.settings.forget_password()
    return Redirect(_SECTION, status_code=303)


@post("/settings/telemetry/take", access="admin", status_code=200)
async def take_broker(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str]:
    """Fill a broker that was found into the form; nothing is kept."""
    typed = ReportsForm.of(node).typed({**data, "mqtt_url": data.get("found", ""), "telemetry": "on"})
    return device_page(request, node, reports=typed)


@get("/settings/telemetry/brokers", access="admin")
async def show_brokers(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Ask the network for brokers, which takes a second, and show them."""
    brokers = await node.discovery.brokers()
    if wants_fragment(request):
        return page(request, "telemetry/brokers.html", brokers=brokers)
    return device_page(request, node, brokers=brokers)


@get("/settings/telemetry/state", access="admin", sync_to_thread=False)
def show_telemetry_state(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Show how it stands with reports at this moment."""
    settings, now = node.settings.device, standing(node.telemetry, node.config)
    return page(request, "telemetry/state.html", standing=now, wanted=settings.telemetry)


def _checked(node: Node, data: Form) -> tuple[dict[str, str], str]:
    """Return what to keep, and the password if one was typed.

    Raises:
        ConfigError: the address cannot be used, or is missing.
    """
    values = {"telemetry": data["telemetry"]} if "telemetry" in data else {}
    if "mqtt_url" not in data:  # it is set elsewhere
        return values | {name: data[name] for name in ("mqtt_username",) if name in data}, data.get("password", "")
    username = data.get("mqtt_username", "")
    broker = chosen_broker(node.config, data["mqtt_url"], username, data.get("password", ""))
    if data.get("telemetry") == "on" and not broker.url:
        raise ConfigError(
            Phrase("telemetry.no_address", "To report, the device has to know the broker's address."),
            hint=Phrase("link.url_hint", "Write mqtt://HOST or mqtts://HOST, with :PORT if it is not 1883 or 8883."),
        )
    values |= {"mqtt_url": broker.url}
    return values | ({"mqtt_username": broker.username} if "mqtt_username" in data else {}), broker.password


ROUTES = [set_telemetry, forget_password, take_broker, show_brokers, show_telemetry_state]
