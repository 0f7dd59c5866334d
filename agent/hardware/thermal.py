"""Heat: temperature sensors, what holds the processor back, and the frequency governor."""

from agent.hardware.facts import Thermal, Zone
from agent.hardware.tree import Tree

_COLDEST, _HOTTEST = -40_000, 150_000  # thousandths of a degree Celsius; sensors answer -274000 or 0x7fffffff for "no"
_TRIPS = ("passive", "hot", "critical")  # not "active": that only turns a fan on
# Bits of the Raspberry Pi firmware's answer to get_throttled; the same 16 higher: since the last boot.
_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")


def find(tree: Tree) -> Thermal:
    """Return the facts about heat."""
    now, before = _throttled(tree)
    governors = (
        tree.text(f"{policy}/scaling_governor") for policy in tree.glob("sys/devices/system/cpu/cpufreq/policy*")
    )
    return Thermal(
        zones=_zones(tree) or _monitors(tree),
        throttled=now,
        throttled_before=before,
        governor=next((governor for governor in governors if governor), ""),
    )


def _degrees(tree: Tree, path: str) -> float | None:
    value = tree.number(path, least=_COLDEST)
    return value / 1000 if value is not None and value <= _HOTTEST else None


def _lowest(limits: list[float | None]) -> float | None:
    return min((limit for limit in limits if limit is not None and limit > 0), default=None)


def _zones(tree: Tree) -> list[Zone]:
    zones = []
    for path in tree.glob("sys/class/thermal/thermal_zone*"):
        celsius = _degrees(tree, f"{path}/temp")
        if celsius is not None:
            trips = [trip.removesuffix("_type") for trip in tree.glob(f"{path}/trip_point_*_type")]
            limits = [_degrees(tree, f"{trip}_temp") for trip in trips if tree.text(f"{trip}_type") in _TRIPS]
            zones.append(Zone(tree.text(f"{path}/type"), celsius, _lowest(limits)))
    return zones


def _monitors(tree: Tree) -> list[Zone]:
    """Return the sensors of hwmon, for computers without thermal zones."""
    zones = []
    for path in tree.glob("sys/class/hwmon/hwmon*/temp*_input"):
        celsius = _degrees(tree, path)
        if celsius is not None:
            sensor = path.removesuffix("_input")
            chip, label = tree.text(f"{path.rpartition('/')[0]}/name"), tree.text(f"{sensor}_label")
            limits = [_degrees(tree, f"{sensor}_{limit}") for limit in ("max", "crit")]
            zones.append(Zone(f"{chip} {label}".strip(), celsius, _lowest(limits)))
    return zones


def _throttled(tree: Tree) -> tuple[list[str], list[str]]:
    """Return what slows the processor down now, and what has done so since the last boot."""
    bits = 0
    for path in tree.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled"):
        bits |= tree.number(path, base=16) or 0
    if any(tree.number(f"{path}/in0_lcrit_alarm") for path in _undervoltage_monitors(tree)):
        bits |= 1
    now = [word for bit, word in enumerate(_BITS) if bits >> bit & 1]
    before = [word for bit, word in enumerate(_BITS) if bits >> (bit + 16) & 1]
    if tree.number("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count"):
        before.append("throttled")
    return now, before


def _undervoltage_monitors(tree: Tree) -> list[str]:
    return [path for path in tree.glob("sys/class/hwmon/hwmon*") if tree.text(f"{path}/name") == "rpi_volt"]
