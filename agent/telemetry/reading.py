"""Everything that metrics are read from, gathered at one moment."""

from dataclasses import dataclass

from agent.governor.state import FREE, Governed
from agent.metrics import Requests
from agent.state import Health
from agent.upkeep.news import Happened
from agent.vitals import Sample


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits for the broker.

    Attributes:
        rows: items that wait.
        bytes: that they take on disk.
        age: seconds for which the oldest has waited.
        dropped: items that were given up since the daemon was started.
    """

    rows: int = 0
    bytes: int = 0
    age: float = 0.0
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Uplink:
    """The connection to the broker: whether there is one, and how often it was made again."""

    connected: bool = False
    reconnects: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """One moment of the device.

    Attributes:
        health: what the node does.
        requests: what became of the requests so far.
        uptime: seconds since the daemon was started.
        sample: the latest look at the computer; None before the first.
        backlog: None: nothing is reported to anybody.
        uplink: None: likewise.
        governed: how much of its power the engine uses.
        news: what storage care has done, the latest at the end.
    """

    health: Health
    requests: Requests
    uptime: float
    sample: Sample | None = None
    backlog: Backlog | None = None
    uplink: Uplink | None = None
    news: tuple[Happened, ...] = ()
    governed: Governed = FREE
