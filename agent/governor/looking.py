"""One look at what the governor goes by: heat, supply of power, and memory."""

from dataclasses import dataclass

from agent.governor.room import Room
from agent.governor.sensor import Seen
from agent.governor.supply import Battery
from agent.hardware import cgroup, memory, pressure, thermal
from agent.hardware.facts import Zone
from agent.hardware.tree import Tree, number

_SHUTS_DOWN = 115.0  # degrees Celsius; a trip point beyond is for no processor
_UPS = ("Battery", "UPS")


@dataclass(frozen=True, slots=True)
class Limits:
    """Degrees Celsius at which the firmware throttles, and the least that a trip point may say instead."""

    throttles: float
    least: float

    def of(self, zone: Zone) -> float:
        """Return the limit of a sensor.

        The kernel's trip points may be beyond what the firmware does by itself, such as 110 degrees on a Raspberry Pi,
        or mean something else: k10temp has 70 degrees for processors that throttle at 95.
        """
        trips = zone.limit is not None and self.least <= zone.limit <= _SHUTS_DOWN
        return min(self.throttles, zone.limit) if trips and zone.limit is not None else self.throttles


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen.

    Attributes:
        sensors: of temperature.
        flags: what holds the processor back, in the words of `agent.hardware.thermal`.
        battery: the one that is nearest to its end; None: there is none.
        room: in memory.
    """

    sensors: tuple[Seen, ...]
    flags: tuple[str, ...]
    battery: Battery | None
    room: Room


def look(tree: Tree, limits: Limits, engine: int) -> Looked:
    """Look once. `engine` is the process id of the engine; 0: there is none."""
    heat = thermal.find(tree)
    return Looked(
        sensors=tuple(
            Seen(f"{index} {zone.name}", zone.celsius, limits.of(zone)) for index, zone in enumerate(heat.zones)
        ),
        flags=tuple(heat.throttled),
        battery=min(_batteries(tree), key=lambda battery: battery.left, default=None),
        room=_room(tree, engine),
    )


def _batteries(tree: Tree) -> list[Battery]:
    """Return the batteries that feed this computer, not those of a mouse."""
    found = []
    for path in tree.glob("sys/class/power_supply/*"):
        left = tree.number(f"{path}/capacity")
        ours = tree.text(f"{path}/type") in _UPS and tree.text(f"{path}/scope") != "Device"
        if ours and left is not None and left <= 100:  # noqa: PLR2004 - per cent
            found.append(Battery(left / 100, discharging=tree.text(f"{path}/status") == "Discharging"))
    return found


def _room(tree: Tree, engine: int) -> Room:
    """Return the room in memory; where the engine is a unit of its own, within the tighter of both units."""
    processes: list[int | str] = ["self", *([engine] if engine else [])]
    found = [memory.find(tree, process) for process in processes]
    groups = {cgroup.ancestors(tree, "memory", process)[0][0] for process in processes}
    stalls = [
        pressure.stall(tree, path) for path in ("proc/pressure/memory", *(f"{g}/memory.pressure" for g in groups))
    ]
    known = [stall for stall in stalls if stall is not None]
    events = [tree.table(f"{group}/memory.events", " ") for group in groups]
    tightest = min(found, key=lambda facts: facts.usable)
    return Room(
        usable=tightest.usable,
        total=min(tightest.total, tightest.limit) if tightest.limit else tightest.total,
        some=max((stall.some for stall in known), default=0.0),
        full=max((stall.full for stall in known), default=0.0),
        killed=sum(number(event.get("oom", "")) or 0 for event in events),
    )
