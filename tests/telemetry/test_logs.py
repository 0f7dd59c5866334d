"""Which lines of the log leave the device, and how many."""

import asyncio
import logging

from agent.telemetry.logs import Shipper

Lines = list[tuple[str, str]]


def shipped(*records: tuple[str, int, str], seconds: float = 0.0) -> tuple[Lines, int]:
    """Return the lines that were passed on, and how many were too many; so many seconds lie between two."""
    lines: Lines = []
    now = [0.0]

    async def run() -> int:
        shipper = Shipper(logging.WARNING, lambda level, text: lines.append((level, text)), lambda: now[0])
        for name, level, text in records:
            now[0] += seconds
            if level >= shipper.level:
                shipper.handle(logging.LogRecord(name, level, "", 0, text, None, None))
        await asyncio.sleep(0)
        return shipper.suppressed

    return lines, asyncio.run(run())


def test_only_severe_lines_are_passed_on() -> None:
    lines, _ = shipped(("agent.node", logging.INFO, "fine"), ("agent.node", logging.ERROR, "broken"))
    assert lines == [("error", "agent.node: broken")]


def test_what_telemetry_says_of_itself_stays_here() -> None:
    lines, suppressed = shipped(("agent.telemetry.link.link", logging.ERROR, "no broker"), ("paho", logging.ERROR, "x"))
    assert (lines, suppressed) == ([], 0)


def test_a_loop_of_errors_does_not_flood_and_is_counted() -> None:
    lines, suppressed = shipped(*[("agent.node", logging.ERROR, "again")] * 1000)
    assert len(lines) == 20
    assert suppressed == 980


def test_after_a_while_there_is_room_again() -> None:
    lines, suppressed = shipped(*[("agent.node", logging.ERROR, "now and then")] * 40, seconds=5.0)
    assert (len(lines), suppressed) == (40, 0)


def test_a_very_long_line_is_cut() -> None:
    lines, _ = shipped(("agent.node", logging.ERROR, "x" * 100_000))
    assert len(lines[0][1]) == 1000
