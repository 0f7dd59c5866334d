"""What a hub reads of payloads: only what it needs, so that devices of other versions are understood too."""

from typing import Any

import msgspec


class Engine(msgspec.Struct, frozen=True):
    """Of the birth."""

    model: str = ""


class Birth(msgspec.Struct, frozen=True):
    """Who a device is."""

    name: str = ""
    site: str = ""
    groups: list[str] = []
    agent: str = ""
    ui: str = ""
    interval: float = 0.0
    engine: Engine = Engine()


class Values(msgspec.Struct, frozen=True):
    """The newest values of a device."""

    ts: int = 0
    values: dict[str, Any] = {}


class Item(msgspec.Struct, frozen=True):
    """A row of history."""

    boot: str
    seq: int
    ts: int = 0
    values: dict[str, Any] = {}
    event: str = ""
    data: dict[str, Any] = {}
    level: str = ""
    text: str = ""


class Gap(msgspec.Struct, frozen=True, rename={"first": "from", "last": "to"}):
    """The particulars of an event `gap`."""

    boot: str
    first: int
    last: int
    reason: str = ""
