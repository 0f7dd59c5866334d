"""Writes docs/mqtt-schema.json: the JSON schema of everything that goes over MQTT, made from the types of the code.

Runs inside .venv: `.venv/bin/python -m scripts.mqtt_schema`. A test tells when it is out of date.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.telemetry import commands, payloads
from agent.telemetry.calls import Kind
from agent.telemetry.wanted import Wanted

PATH = Path(__file__).resolve().parents[1] / "docs" / "mqtt-schema.json"
_REF = "#/$defs/{name}"
_ITEMS = list[payloads.Item]
_TOPICS: Mapping[str, Any] = {
    "birth": payloads.Birth,
    "state": payloads.State,
    "telemetry": _ITEMS,
    "event": _ITEMS,
    "log": _ITEMS,
    "cmd/+": payloads.Command,
    "rsp/+": payloads.Response,
    "desired": payloads.Desired,
    "reported": payloads.Reported,
    "job/+": payloads.Job,
    "job/+/status": payloads.JobStatus,
}


def document() -> dict[str, Any]:
    """Return the schema: by topic below PREFIX/DEVICE/, and by command."""
    kinds = list(commands.load().values())
    types = [*_TOPICS.values(), *(kind.args for kind in kinds), *(kind.result for kind in kinds), Wanted]
    schemas, definitions = msgspec.json.schema_components(types, ref_template=_REF)
    found = iter(schemas)
    topics = {topic: next(found) for topic in _TOPICS}
    args, results = [next(found) for _ in kinds], [next(found) for _ in kinds]
    for definition in definitions.values():
        definition["description"] = inspect.cleandoc(definition["description"])
    for name in ("Desired", "Reported"):
        definitions[name]["properties"]["state"] = schemas[-1]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{payloads.SCHEMA}",
        "title": "What Edgewise says and understands over MQTT",
        "$comment": "Made by scripts/mqtt_schema.py. `topics` are below PREFIX/DEVICE/; `status` is the text online or "
        "offline. `result` is that of an answer whose status is ok.",
        "topics": topics,
        "commands": {kind.name: _command(kind, args[n], results[n]) for n, kind in enumerate(kinds)},
        "$defs": definitions,
    }


def text() -> str:
    """Return the schema as the file has it."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2).decode() + "\n"


def main() -> None:
    """Write the file."""
    PATH.write_text(text(), encoding="utf-8")


def _command(kind: Kind, args: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {"description": kind.help, "args": args, "result": result}


if __name__ == "__main__":
    main()
