"""One metric: what it is called, its unit, and how it is read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.telemetry.payloads import Value
from agent.telemetry.reading import Reading
from agent.vitals import Sample

MB = 1e6  # bytes, as Home Assistant's MB
PER_CENT = 0.01
MILLI = 1e-3

Kind: TypeAlias = Literal["gauge", "counter", "flag", "text"]
Place: TypeAlias = Literal["history", "state", "here"]
StateClass: TypeAlias = Literal["", "measurement", "total_increasing"]
_STATE_CLASS: dict[Kind, StateClass] = {"gauge": "measurement", "counter": "total_increasing"}


@dataclass(frozen=True)
class Metric:
    """One row of the catalogue.

    Attributes:
        name: its key in payloads; says the unit where there could be a doubt.
        title: what people call it, in English.
        help: one sentence.
        read: returns its value in the base unit of Prometheus (seconds, bytes, shares of 1), None if it has none now.
        kind: gauge: goes up and down; counter: only grows, and begins anew with the daemon; flag: 1 or 0; text.
        unit: in payloads.
        per: how much of the base unit one of `unit` is.
        digits: decimals in payloads.
        device_class: of Home Assistant; empty: none fits.
        prometheus: its name there; empty: it is not there, or in another shape.
        place: history: in telemetry and in the state; state: only its newest value is told; here: not told over MQTT.
        has: whether the device has it, though it may have no value now; None: it has it when there is a value.
    """

    name: str
    title: str
    help: str
    read: Callable[[Reading], float | str | None]
    kind: Kind = "gauge"
    unit: str = ""
    per: float = 1.0
    digits: int = 0
    device_class: str = ""
    prometheus: str = ""
    place: Place = "history"
    has: Callable[[Reading], bool] | None = None

    @property
    def state_class(self) -> StateClass:
        """The state class of Home Assistant; empty for flags and texts."""
        return _STATE_CLASS.get(self.kind, "")

    def value(self, reading: Reading) -> Value:
        """Return its value as payloads have it; None if it has none now."""
        value = self.read(reading)
        if value is None or isinstance(value, str):
            return value
        rounded = round(value / self.per, self.digits)
        return rounded if self.digits else int(rounded)

    def there(self, reading: Reading) -> bool:
        """Tell whether the device has it."""
        return self.has(reading) if self.has else self.read(reading) is not None


def seen(look: Callable[[Sample], float | None]) -> Callable[[Reading], float | None]:
    """Return how to read something of the latest look at the computer."""
    return lambda reading: look(reading.sample) if reading.sample else None


def always(_: Reading) -> bool:
    """Tell that every device has it."""
    return True
