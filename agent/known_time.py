"""Which times cannot be: small computers without a battery start in 1970, and learn the time later or never."""

from datetime import UTC, datetime

WRITTEN = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
"""Seconds since 1970. It is not earlier than this code: whoever says so has a clock that nobody has set."""
