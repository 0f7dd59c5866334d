"""Names of Arm cores, by the numbers in the main ID register, which /proc/cpuinfo shows as implementer and part."""

# As in the lists of util-linux (sys-utils/lscpu-arm.c) and Linux (arch/arm64/include/asm/cputype.h).
_ARM = {
    0xB76: "ARM1176", 0xC05: "Cortex-A5", 0xC07: "Cortex-A7", 0xC08: "Cortex-A8", 0xC09: "Cortex-A9",
    0xC0D: "Cortex-A17", 0xC0E: "Cortex-A17", 0xC0F: "Cortex-A15",
    0xD01: "Cortex-A32", 0xD02: "Cortex-A34", 0xD03: "Cortex-A53", 0xD04: "Cortex-A35", 0xD05: "Cortex-A55",
    0xD06: "Cortex-A65", 0xD07: "Cortex-A57", 0xD08: "Cortex-A72", 0xD09: "Cortex-A73", 0xD0A: "Cortex-A75",
    0xD0B: "Cortex-A76", 0xD0C: "Neoverse-N1", 0xD0D: "Cortex-A77", 0xD0E: "Cortex-A76AE",
    0xD40: "Neoverse-V1", 0xD41: "Cortex-A78", 0xD42: "Cortex-A78AE", 0xD44: "Cortex-X1", 0xD46: "Cortex-A510",
    0xD47: "Cortex-A710", 0xD48: "Cortex-X2", 0xD49: "Neoverse-N2", 0xD4B: "Cortex-A78C", 0xD4C: "Cortex-X1C",
    0xD4D: "Cortex-A715", 0xD4E: "Cortex-X3", 0xD4F: "Neoverse-V2",
    0xD80: "Cortex-A520", 0xD81: "Cortex-A720", 0xD82: "Cortex-X4", 0xD83: "Neoverse-V3AE", 0xD84: "Neoverse-V3",
    0xD85: "Cortex-X925", 0xD87: "Cortex-A725", 0xD8E: "Neoverse-N3", 0xD8F: "Cortex-A320",
}  # fmt: skip
# Small cores, slower than any other whatever their clock: Odroid N2 runs its A53 at 1.9 GHz beside A73 at 1.8.
EFFICIENT = frozenset(
    {"Cortex-A5", "Cortex-A7", "Cortex-A32", "Cortex-A34", "Cortex-A35", "Cortex-A53", "Cortex-A55", "Cortex-A320",
     "Cortex-A510", "Cortex-A520", "Icestorm", "Blizzard"}
)  # fmt: skip
_NVIDIA = {0x000: "Denver", 0x003: "Denver 2", 0x004: "Carmel"}
_QUALCOMM = {
    0x001: "Oryon", 0x201: "Kryo", 0x205: "Kryo", 0x211: "Kryo",
    0x800: "Kryo 2xx Gold", 0x801: "Kryo 2xx Silver", 0x802: "Kryo 3xx Gold", 0x803: "Kryo 3xx Silver",
    0x804: "Kryo 4xx Gold", 0x805: "Kryo 4xx Silver",
}  # fmt: skip
_APPLE = {
    0x022: "Icestorm", 0x023: "Firestorm", 0x024: "Icestorm", 0x025: "Firestorm", 0x028: "Icestorm", 0x029: "Firestorm",
    0x032: "Blizzard", 0x033: "Avalanche", 0x034: "Blizzard", 0x035: "Avalanche", 0x038: "Blizzard", 0x039: "Avalanche",
}  # fmt: skip
_AMPERE = {0xAC3: "Ampere-1", 0xAC4: "Ampere-1A"}
_IMPLEMENTERS = {0x41: _ARM, 0x4E: _NVIDIA, 0x51: _QUALCOMM, 0x61: _APPLE, 0xC0: _AMPERE}


def core_name(implementer: int, part: int) -> str:
    """Return the name of a core, such as `Cortex-A76`; empty when its numbers are not in the tables."""
    return _IMPLEMENTERS.get(implementer, {}).get(part, "")
