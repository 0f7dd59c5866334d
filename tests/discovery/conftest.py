"""Every test here has a network, with less courtesy towards others than a real one needs."""

import pytest
from zeroconf import _core

from agent.discovery import presence
from tests.discovery.network import check_multicast


@pytest.fixture(scope="session")
def multicast() -> None:
    """Say what is wrong where there is no network to test in."""
    try:
        check_multicast()
    except OSError as error:
        pytest.fail(f"Multicast on loopback, which these tests need, does not work here: {error}", pytrace=False)


@pytest.fixture(autouse=True)
def impatient(multicast: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - it checks
    """Shorten the pauses in which others may object; a test of those who do lengthens them again."""
    monkeypatch.setattr(presence, "_ASK", 100)
    monkeypatch.setattr(_core, "_PROBE_RANDOM_DELAY_INTERVAL", (1, 2))
    monkeypatch.setattr(_core, "_CHECK_TIME", 20)
    monkeypatch.setattr(_core, "_REGISTER_TIME", 20)
    monkeypatch.setattr(_core, "_UNREGISTER_TIME", 20)
