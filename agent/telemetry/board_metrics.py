"""Metrics of the computer: heat, power, memory, pressure and disk."""

from collections.abc import Callable

from agent.hardware.pressure import Stall
from agent.telemetry.metric import MB, PER_CENT, Metric, always, seen
from agent.telemetry.reading import Reading
from agent.vitals import Sample

_WATT_HOUR = 3600.0  # joules


def _stalled(
    resource: Callable[[Sample], Stall | None], look: Callable[[Stall], float]
) -> Callable[[Reading], float | None]:
    return seen(lambda sample: look(stall) if (stall := resource(sample)) else None)


def _metered(reading: Reading) -> bool:
    return reading.sample is not None and reading.sample.watts is not None


COMPUTING = (
    Metric(
        "soc_temp_c",
        "Temperature",
        "Temperature of the hottest sensor.",
        seen(lambda sample: sample.celsius),
        unit="°C",
        digits=1,
        device_class="temperature",
        prometheus="edgewise_temperature_celsius",
    ),
    Metric(
        "throttled",
        "Throttled",
        "Whether the processor is held back now, by heat or by a weak power supply.",
        seen(lambda sample: len(sample.throttled) > 0),
        kind="flag",
        device_class="problem",
        prometheus="edgewise_throttled",
    ),
    Metric(
        "cpu_pct",
        "Processor",
        "Share of its time that the processor was busy since the last look.",
        seen(lambda sample: sample.cpu),
        unit="%",
        per=PER_CENT,
        digits=1,
        prometheus="edgewise_cpu_busy_ratio",
        has=always,
    ),
    Metric(
        "cpu_mhz",
        "Processor frequency",
        "Frequency of the fastest CPU.",
        seen(lambda sample: sample.megahertz * MB if sample.megahertz else None),
        unit="MHz",
        per=MB,
        device_class="frequency",
        prometheus="edgewise_cpu_frequency_hertz",
    ),
    Metric(
        "power_w",
        "Power",
        "Power that is drawn: by the board where that is measured, else by its processor.",
        seen(lambda sample: sample.watts),
        unit="W",
        digits=2,
        device_class="power",
        prometheus="edgewise_power_watts",
    ),
    Metric(
        "power_of",
        "Power is that of",
        "What the power is measured of: the board, those of its rails that have a sensor, or the processor package.",
        lambda reading: (reading.sample.watts_of or None) if reading.sample else None,
        kind="text",
        prometheus="edgewise_power_info",
        place="state",
    ),
    Metric(
        "energy_wh",
        "Energy",
        "Energy that was drawn.",
        seen(lambda sample: sample.joules),
        kind="counter",
        unit="Wh",
        per=_WATT_HOUR,
        digits=3,
        device_class="energy",
        prometheus="edgewise_energy_joules_total",
        place="state",
    ),
    Metric(
        "token_j",
        "Energy per token",
        "Energy that was drawn per decoded token, of the last minutes in which there were any.",
        seen(lambda sample: sample.joules_per_token),
        unit="J",
        digits=3,
        prometheus="edgewise_token_energy_joules",
        has=_metered,
    ),
)

ROOM = (
    Metric(
        "mem_used_mb",
        "Memory in use",
        "Memory that is not free for more.",
        seen(lambda sample: sample.total - sample.available),
        unit="MB",
        per=MB,
        device_class="data_size",
        prometheus="edgewise_memory_used_bytes",
    ),
    Metric(
        "mem_available_mb",
        "Memory available",
        "Memory that is free for more.",
        seen(lambda sample: sample.available),
        unit="MB",
        per=MB,
        device_class="data_size",
        prometheus="edgewise_memory_available_bytes",
        place="state",
    ),
    Metric(
        "mem_engine_mb",
        "Memory of the engine",
        "Memory of the engine process, the model's file in memory included.",
        seen(lambda sample: sample.engine),
        unit="MB",
        per=MB,
        device_class="data_size",
        prometheus="edgewise_engine_memory_bytes",
        place="state",
    ),
    Metric(
        "mem_daemon_mb",
        "Memory of the daemon",
        "Memory of the daemon itself.",
        seen(lambda sample: sample.daemon),
        unit="MB",
        per=MB,
        device_class="data_size",
        prometheus="edgewise_daemon_memory_bytes",
        place="state",
    ),
    Metric(
        "psi_cpu_some",
        "Pressure on the processor",
        "Share of the last 10 s in which some task waited for a CPU.",
        _stalled(lambda sample: sample.pressure.cpu, lambda stall: stall.some),
        unit="%",
        per=PER_CENT,
        digits=1,
        prometheus="edgewise_pressure_cpu_some_ratio",
    ),
    Metric(
        "psi_mem_some",
        "Pressure on the memory",
        "Share of the last 10 s in which some task waited for memory.",
        _stalled(lambda sample: sample.pressure.memory, lambda stall: stall.some),
        unit="%",
        per=PER_CENT,
        digits=1,
        prometheus="edgewise_pressure_memory_some_ratio",
    ),
    Metric(
        "psi_mem_full",
        "Full pressure on the memory",
        "Share of the last 10 s in which all tasks waited for memory.",
        _stalled(lambda sample: sample.pressure.memory, lambda stall: stall.full),
        unit="%",
        per=PER_CENT,
        digits=1,
        prometheus="edgewise_pressure_memory_full_ratio",
    ),
    Metric(
        "psi_io_some",
        "Pressure on the disk",
        "Share of the last 10 s in which some task waited for a disk.",
        _stalled(lambda sample: sample.pressure.io, lambda stall: stall.some),
        unit="%",
        per=PER_CENT,
        digits=1,
        prometheus="edgewise_pressure_io_some_ratio",
    ),
    Metric(
        "psi_io_full",
        "Full pressure on the disk",
        "Share of the last 10 s in which all tasks waited for a disk.",
        _stalled(lambda sample: sample.pressure.io, lambda stall: stall.full),
        unit="%",
        per=PER_CENT,
        digits=1,
        prometheus="edgewise_pressure_io_full_ratio",
    ),
    Metric(
        "disk_free_mb",
        "Free disk",
        "Room on the disk for more of what Edgewise keeps.",
        seen(lambda sample: sample.disk_free),
        unit="MB",
        per=MB,
        device_class="data_size",
        prometheus="edgewise_disk_free_bytes",
    ),
    Metric(
        "disk_written_mb",
        "Written to disk",
        "What the daemon and its engine have written to disks.",
        seen(lambda sample: sample.written),
        kind="counter",
        unit="MB",
        per=MB,
        digits=1,
        device_class="data_size",
        prometheus="edgewise_disk_written_bytes_total",
    ),
    Metric(
        "emmc_worn_pct",
        "Wear of the eMMC",
        "Share of its life that the built-in flash memory has behind it, by its own account, in tenths.",
        seen(lambda sample: sample.disk_worn),
        unit="%",
        per=PER_CENT,
        prometheus="edgewise_emmc_worn_ratio",
        place="state",
    ),
)
