"""Power: what the board draws, or if nothing measures that, what its processor draws.

From sysfs: https://docs.kernel.org/hwmon/sysfs-interface.html, https://docs.kernel.org/power/powercap/powercap.html and
https://www.kernel.org/doc/Documentation/ABI/testing/sysfs-class-power. Most boards, all Raspberry Pis among them, have
no such sensor. USB power supplies are left out: what they give as their current is what they have promised.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent.hardware.tree import Tree

Of: TypeAlias = Literal["", "board", "rails", "package"]
"""What is measured: all that the board draws, those of its rails that have a sensor, or the processor."""

_MOST = 10_000.0  # watts; more is a broken sensor
_MILLI, _MICRO = 1e-3, 1e-6
_INPUTS = ("VDD_IN", "POM_5V_IN")  # rails of a Jetson module that feed all others
_SKIPPED = ("NC", "sum of shunt voltages")  # of the INA3221: not connected, and a sum of something else
_PROCESSORS = ("amdgpu", "zenpower", "fam15h_power")  # the first measures the whole package of an APU


@dataclass(frozen=True, slots=True)
class Drawn:
    """One look at a sensor: what is drawn now, or the energy that was drawn so far by a counter that begins anew.

    Attributes:
        watts: None where only the energy is counted.
        joules: None where only the power is measured.
    """

    of: Of = ""
    watts: float | None = None
    joules: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A way to measure: `read` returns watts, or joules with `counts`; None when it cannot tell now."""

    of: Of
    read: Callable[[Tree], float | None]
    counts: bool = False


def sources(tree: Tree) -> list[Source]:
    """Return the ways to measure on this computer, the best first. They stay the same while it runs."""
    found = [*_jetson(tree), *_batteries(tree), *_counters(tree), *_monitors(tree)]
    order: tuple[Of, ...] = ("board", "rails", "package")
    return sorted(found, key=lambda source: order.index(source.of))


def find(tree: Tree, ways: list[Source]) -> Drawn:
    """Return what is drawn, by the first of the ways that works now."""
    for source in ways:
        value = source.read(tree)
        if value is not None and source.counts:
            return Drawn(source.of, joules=value)
        if value is not None and 0 <= value < _MOST:
            return Drawn(source.of, watts=value)
    return Drawn()


def _jetson(tree: Tree) -> Iterator[Source]:
    """Yield the rails of a Jetson, which INA3221 sensors measure: as hwmon since L4T 34, as iio before."""
    rails: dict[str, Callable[[Tree], float | None]] = {}
    for path in tree.glob("sys/class/hwmon/hwmon*"):
        if tree.text(f"{path}/name").startswith("ina3221"):
            for label in tree.glob(f"{path}/in*_label"):
                number = label.rpartition("/in")[2].removesuffix("_label")
                rails[tree.text(label)] = _product(f"{path}/in{number}_input", f"{path}/curr{number}_input", _MICRO)
    for label in tree.glob("sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*"):
        folder, _, number = label.rpartition("/rail_name_")
        rails[tree.text(label)] = _number(f"{folder}/in_power{number}_input", _MILLI)
    known = {name: read for name, read in rails.items() if name and name not in _SKIPPED}
    whole = next((known[name] for name in _INPUTS if name in known), None)
    if whole is not None:
        yield Source("board", whole)
    elif known:
        yield Source("rails", _sum(list(known.values())))


def _batteries(tree: Tree) -> Iterator[Source]:
    """Yield the batteries: while they are being discharged, the computer draws what they give."""
    for path in tree.glob("sys/class/power_supply/*"):
        if tree.text(f"{path}/type") == "Battery" and tree.text(f"{path}/scope") != "Device":
            yield Source("board", _battery(path))


def _battery(path: str) -> Callable[[Tree], float | None]:
    power = _number(f"{path}/power_now", _MICRO)
    product = _product(f"{path}/voltage_now", f"{path}/current_now", _MICRO * _MICRO)

    def read(tree: Tree) -> float | None:
        if tree.text(f"{path}/status") != "Discharging":
            return None
        return known if (known := power(tree)) else product(tree)

    return read


def _counters(tree: Tree) -> Iterator[Source]:
    """Yield the energy counters (RAPL) of x86 processors: of the platform, or of all packages. Mostly only for root."""
    zones = [path for path in tree.glob("sys/class/powercap/intel-rapl:*") if path.count(":") == 1]
    names: tuple[tuple[Of, str], ...] = (("board", "psys"), ("package", "package"))
    for of, prefix in names:
        paths = [path for path in zones if tree.text(f"{path}/name").startswith(prefix)]
        if paths:
            yield Source(of, _sum([_number(f"{path}/energy_uj", _MICRO) for path in paths]), counts=True)


def _monitors(tree: Tree) -> Iterator[Source]:
    """Yield other sensors of power: meters of a whole computer, and processors that measure themselves."""
    for path in tree.glob("sys/class/hwmon/hwmon*"):
        name = tree.text(f"{path}/name")
        of: Of = "board" if name == "power_meter" else "package"
        if name == "power_meter" or name in _PROCESSORS:
            files = (f"{path}/power1_{kind}" for kind in ("average", "input"))
            file = next((file for file in files if tree.number(file) is not None), "")
            if file:
                yield Source(of, _number(file, _MICRO))


def _number(path: str, unit: float) -> Callable[[Tree], float | None]:
    return lambda tree: value * unit if (value := tree.number(path)) is not None else None


def _product(first: str, second: str, unit: float) -> Callable[[Tree], float | None]:
    """Return how to read volts times amperes; the sign of a current only says which way it flows."""

    def read(tree: Tree) -> float | None:
        volts, amperes = tree.number(first), tree.number(second, least=-(1 << 40))
        return abs(volts * amperes) * unit if volts is not None and amperes is not None else None

    return read


def _sum(parts: list[Callable[[Tree], float | None]]) -> Callable[[Tree], float | None]:
    """Return how to read several, of which none may be missing."""

    def read(tree: Tree) -> float | None:
        values = [value for part in parts if (value := part(tree)) is not None]
        return sum(values) if len(values) == len(parts) else None

    return read
