"""The computer: what it is, whether heat or power holds it back, whether memory is short."""

from collections.abc import Iterator

from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.hardware import probe
from agent.hardware.facts import Memory, Thermal
from agent.hardware.tree import Tree, number
from agent.hardware.words import describe
from agent.units import format_bytes

_NEAR = 5.0  # degrees Celsius below the limit
_PRESSED = 10.0  # per cent of the last 10 s in which a program waited for memory
_COOL = "cool it, or use a better power supply; `edgewise probe` shows temperatures"
_ROOM = "end what is not needed, or choose a smaller model: `edgewise models use NAME`"


def look(case: Case) -> Iterator[Finding]:
    """Yield what there is to say of board, heat and memory."""
    hardware = probe(case.root, storage=case.config.state_dir)
    yield ok(f"{describe(hardware)}, {format_bytes(hardware.memory.usable)} can be used now")
    yield from _heat(hardware.thermal)
    yield from _memory(hardware.memory, Tree(case.root))
    for restraint in case.health.restraints if case.health else ():
        yield warn("restrained", restraint.reason, restraint.way_out)


def _heat(thermal: Thermal) -> Iterator[Finding]:
    if thermal.throttled:
        yield bad("held-back", f"the processor is held back: {', '.join(thermal.throttled)}", _COOL)
    elif thermal.throttled_before:
        words = ", ".join(thermal.throttled_before)
        yield warn("held-back", f"the processor was held back since the computer was started: {words}", _COOL)
    for zone in thermal.zones:
        if zone.limit is not None and zone.celsius > zone.limit - _NEAR:
            yield warn("hot", f"{zone.name or 'a sensor'} has {zone.celsius:.0f} °C of {zone.limit:.0f} °C", _COOL)


def _memory(memory: Memory, tree: Tree) -> Iterator[Finding]:
    if memory.pressure is not None and memory.pressure > _PRESSED:
        yield bad("memory-short", f"programs wait for memory {memory.pressure:.0f} % of the time", _ROOM)
    killed = number(tree.table("proc/vmstat", " ").get("oom_kill", ""))
    if killed:
        many = "a program" if killed == 1 else f"{killed} programs"
        yield warn(
            "memory-short", f"the kernel has ended {many} for lack of memory since the computer was started", _ROOM
        )
