"""What tests of faults share: a table of what they have measured."""

from pathlib import Path

import pytest

from tests.faults.table import Table

_TABLE = Table()


@pytest.fixture(scope="session")
def table() -> Table:
    """Where a test notes what a fault has cost."""
    return _TABLE


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state directory of a device for one test."""
    return tmp_path / "state"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured, for those who asked for these tests."""
    if "not chaos" not in terminalreporter.config.option.markexpr and _TABLE.rows:
        terminalreporter.section("what the faults have cost: seconds until all was as before, and what was lost")
        for line in _TABLE.lines():
            terminalreporter.write_line(line)
