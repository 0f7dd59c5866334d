"""The broker that the owner has entered on the pages, as it is kept."""

from dataclasses import dataclass, field

from agent.config import Config
from agent.errors import ConfigError
from agent.phrase import Phrase
from agent.telemetry.link.address import Address


@dataclass(frozen=True)
class ChosenBroker:
    """Where it is, and as whom to sign in there. What is empty was left out."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)


def chosen_broker(config: Config, url: str, username: str, password: str) -> ChosenBroker:
    """Return a broker as it can be kept: with a scheme and a port, name and password out of the address.

    Args:
        config: says which certificates there are.
        url: what somebody has typed; `mqtt://` and the port may be left out.
        username: as typed; comes before one in the address.
        password: likewise.

    Raises:
        ConfigError: that is no address of a broker, or none for these certificates.
    """
    typed = url.strip()
    if not typed:
        return ChosenBroker("", username.strip(), password)
    whole = typed if "://" in typed else f"mqtt://{typed}"
    place = Address(whole, "", ca=config.mqtt_ca, cert=config.mqtt_cert).endpoint()
    if not place.host.isprintable() or " " in place.host:
        raise ConfigError(
            Phrase("link.url", "{url} is no address of an MQTT broker.", url=place.host),
            hint=Phrase("link.url_hint", "Write mqtt://HOST or mqtts://HOST, with :PORT if it is not 1883 or 8883."),
        )
    scheme = "mqtts" if place.tls else "mqtt"
    return ChosenBroker(f"{scheme}://{place}", username.strip() or place.username, password or place.password)
