"""What goes over MQTT, as JSON. docs/mqtt-schema.json is made from these types, and a test holds the two together.

Times are milliseconds since 1970, UTC. An item of telemetry is what ThingsBoard takes as it is: `ts` and `values`.
"""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from agent.telemetry.settings import DAYTIME

SCHEMA = "edgewise/1.0"

Quality: TypeAlias = Literal["ntp", "hub", "est"]
"""Where a time comes from: the network's time, the hub's, or an unset clock, which is corrected later if possible."""

Value: TypeAlias = float | int | str | bool | None
Rank: TypeAlias = Literal["event", "telemetry", "log"]
"""What an item is, in the order in which room is made for it: logs go first, events last."""


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row of history. `(device, boot, seq)` is unique for good, so that a hub can drop what comes twice.

    Attributes:
        boot: run of the daemon that made it.
        seq: number within that run, from 1, across events, telemetry and logs.
        values: of telemetry: by metric.
        event: of events: what happened; `data` has the particulars.
        level: of log lines; `text` is the line.
        ts_q: missing means `ntp`.
        mono: seconds since the computer was started, where the time is an estimate.
        span: seconds that this item stands for, when others were merged into it; `values` are then means (of texts and
            switches the last), and `low` and `high` the extremes of what has changed.
    """

    ts: int
    boot: str
    seq: int
    values: dict[str, Value] = {}
    event: str = ""
    data: dict[str, Any] = {}
    level: str = ""
    text: str = ""
    ts_q: Quality = "ntp"
    mono: float = 0.0
    span: float = 0.0
    low: dict[str, float] = {}
    high: dict[str, float] = {}


class Metric(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the birth describes a metric: its unit, Home Assistant's device class, and whether it only ever grows."""

    u: str = ""
    dc: str = ""
    total: bool = False


class Hardware(msgspec.Struct, frozen=True):
    """The computer."""

    profile: str
    board: str
    ram_mb: int
    accelerators: list[str]


class EngineFacts(msgspec.Struct, frozen=True):
    """The engine, and the model that it serves; empty while there is none."""

    backend: str
    model: str
    quantization: str
    sha256: str
    context: int


class Birth(msgspec.Struct, frozen=True):
    """Who the device is and what it can do; retained, sent after each connection."""

    ts: int
    ts_q: Quality
    boot: str
    id: str
    name: str
    site: str
    groups: list[str]
    agent: str
    hw: Hardware
    engine: EngineFacts
    ui: str
    cmds: list[str]
    metrics: dict[str, Metric]
    interval: float
    schema: Literal["edgewise/1.0"] = "edgewise/1.0"


class State(msgspec.Struct, frozen=True):
    """The newest values; retained, and taken back by the broker when no newer ones come."""

    ts: int
    values: dict[str, Value]


class Command(msgspec.Struct, frozen=True):
    """A request to the device. Everything may be missing: a button of Home Assistant sends `{}`.

    Attributes:
        id: of the request; one that comes again is answered with what it was answered before.
        ts: when it was made; 0: unknown.
        ttl_s: seconds after which it must not be carried out any more; 0: as long as the broker keeps it.
        args: as the command says.
        by: who asks, for the log.
    """

    id: Annotated[str, Meta(max_length=64)] = ""
    ts: Annotated[int, Meta(ge=0, lt=1 << 53)] = 0
    ttl_s: Annotated[float, Meta(ge=0)] = 60.0
    args: dict[str, Any] = {}
    by: Annotated[str, Meta(max_length=128)] = ""


Outcome: TypeAlias = Literal["accepted", "progress", "ok", "error", "rejected", "expired"]


class Response(msgspec.Struct, frozen=True):
    """What became of a command; `accepted` and `progress` are followed by another one.

    Attributes:
        code: as HTTP has them: 200, 202, 400 bad arguments, 404 unknown, 408 expired, 409 not now, 507 no room…
        result: as the command says.
    """

    id: str
    status: Outcome
    code: int
    msg: str = ""
    result: Any = None


class Desired(msgspec.Struct, frozen=True):
    """What the device should be like: `state` is merged over what was desired before (RFC 7386); retained.

    Attributes:
        rev: grows with every change; an older one is ignored.
    """

    rev: Annotated[int, Meta(ge=0, le=2**53 - 1)]  # what JSON can count to; with more a hub locks itself out
    state: dict[str, Any]


class Reported(msgspec.Struct, frozen=True):
    """What the device is like, after it has followed the desired state of revision `rev`; retained."""

    rev: int
    ok: bool
    errors: dict[str, str]
    state: dict[str, Any]


class Artifact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model file: at an address, whose hash must then be given, or what a reference means. Or a signed update.

    Attributes:
        url: of a `.gguf` file, or of an `.edgewise-bundle`.
        reference: as `edgewise models pull` takes it, such as `hf:owner/repo/file.gguf`.
        sha256: of the file, in hexadecimal.
        size: of the file in bytes; 0: not known.
        sig: minisign's signature over the file, the whole text of its `.minisig`; empty: it is not signed.
    """

    url: Annotated[str, Meta(max_length=2048)] = ""
    reference: Annotated[str, Meta(max_length=2048)] = ""
    sha256: Annotated[str, Meta(pattern=r"^([0-9a-fA-F]{64})?$")] = ""
    size: Annotated[int, Meta(ge=0)] = 0
    sig: Annotated[str, Meta(max_length=10240)] = ""


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prompt, and a text that must occur in its answer; empty: any answer will do."""

    ask: Annotated[str, Meta(min_length=1, max_length=4000)]
    expect: Annotated[str, Meta(max_length=1000)] = ""


class HealthCheck(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model must keep to before it stays.

    Attributes:
        min_tok_s: least tokens per second, median; 0: as slow as it likes.
        prompts: asked at temperature 0.
        max_memory_mb: most MiB that the engine process may ever have had in memory; 0: as much as there is.
        timeout_s: seconds in which all of this must be over.
    """

    min_tok_s: Annotated[float, Meta(ge=0)] = 0.0
    prompts: Annotated[list[Question], Meta(max_length=32)] = []
    max_memory_mb: Annotated[float, Meta(ge=0)] = 0.0
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 180.0


class Job(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change of the device in several steps; retained until the hub clears it, which cancels what is not committed.

    Attributes:
        type: a new model, or a signed update (docs/bundles.md), whose model, if it has one serve, is checked likewise.
        rev: grows with every change of the job; one that is not newer is ignored.
        window: time of day, local to the device, in which the model may change, such as `02:00-05:00`; empty: always.
            The device's own setting `mqtt_window` holds too.
    """

    type: Literal["model_update", "bundle"]
    artifact: Artifact
    rev: Annotated[int, Meta(ge=1)] = 1
    health: HealthCheck = HealthCheck()
    window: Annotated[str, Meta(pattern=DAYTIME)] = ""


JobState: TypeAlias = Literal[
    "accepted",
    "waiting",
    "download",
    "verify",
    "stage",
    "swap",
    "health",
    "commit",
    "rollback",
    "successful",
    "failed",
    "rolled_back",
    "canceled",
]


class JobStatus(msgspec.Struct, frozen=True):
    """How far a job is; retained, until the hub clears it.

    Attributes:
        rev: of the job that this is about; 0: of one that could not be read.
        pct: of what the state does, as far as that can be counted.
        attempt: number of the download, from 1; 0 before that.
        msg: why, for people.
        result: what the health check has found: `tok_s`, `memory_mb`.
    """

    state: JobState
    rev: int
    pct: int
    attempt: int
    ts: int
    msg: str
    result: dict[str, float]
