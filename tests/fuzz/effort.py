"""How long to look: a second or two as a part of all tests, minutes with `make fuzz`."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings

F = TypeVar("F", bound=Callable[..., object])

CORPUS = Path(__file__).parent / "corpus"
THOROUGH = settings.get_current_profile_name() == "fuzz"
_MORE = 100  # times as many examples


def examples(count: int) -> Callable[[F], F]:
    """Try so many inputs, always the same ones; with `make fuzz` many more, and others each time."""
    return settings(
        max_examples=count * (_MORE if THOROUGH else 1),
        derandomize=not THOROUGH,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def found(what: str) -> dict[str, Path]:
    """Return what once broke something, and what might, by name."""
    return {path.name: path for path in sorted((CORPUS / what).iterdir())}
