"""Where reports go, as pages show it: how it stands, and what the form has that changes it."""

from dataclasses import dataclass, replace
from typing import Any

from agent.node import Node
from agent.telemetry.redacting import redacted
from agent.telemetry.standing import standing


@dataclass(frozen=True)
class ReportsForm:
    """The fields, as they are in force or as somebody has typed them. A password is never among them.

    Attributes:
        url_place: where the address was set, empty when the page may change it; the others likewise.
        kept: a password is kept that was set on the page.
    """

    on: str
    url: str
    username: str
    url_place: str
    username_place: str
    password_place: str
    kept: bool

    @classmethod
    def of(cls, node: Node) -> "ReportsForm":
        """Return what is in force, or would be if it was switched on."""
        device, settings = node.settings.device, node.settings
        url, username = settings.in_force("mqtt_url"), settings.in_force("mqtt_username")
        kept, used = node.config.kept_mqtt_password, node.config.mqtt_password()
        return cls(
            on="on" if url.place else device.telemetry,
            url=redacted(url.value) if url.place else device.mqtt_url,
            username=username.value if username.place else device.mqtt_username,
            url_place=url.place,
            username_place=username.place,
            password_place=str(used) if used not in {None, kept} else "",
            kept=kept.is_file(),
        )

    def typed(self, data: dict[str, str]) -> "ReportsForm":
        """Return the same with what was typed in a form."""
        url, username = data.get("mqtt_url", self.url), data.get("mqtt_username", self.username)
        return replace(self, on=data.get("telemetry", self.on), url=url, username=username)


def reports_form(node: Node) -> dict[str, Any]:
    """Return what the template of that form needs, when nobody has typed or asked anything."""
    return {
        "reports": ReportsForm.of(node),
        "standing": standing(node.telemetry, node.config),
        "wrong": None,
        "brokers": None,
    }


def reports(node: Node) -> dict[str, Any]:
    """Return what the page of the device tells: of reports, of being found, and of the hub's jobs."""
    reporter = node.telemetry.reporter
    return {
        "standing": standing(node.telemetry, node.config),
        "wanted": node.settings.device.telemetry,
        "found": node.discovery.status,
        "jobs": reporter.jobs() if reporter else [],
    }
