"""docs/telemetry.md: its examples are what devices send and understand, its tables are complete."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from agent.config import SETTINGS
from agent.telemetry.payloads import JobState
from agent.telemetry.waiting.kinds import Reason

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "telemetry.md").read_text(encoding="utf-8")
SCHEMA = msgspec.json.decode((DOCS / "mqtt-schema.json").read_bytes())
EXAMPLE = re.compile(r"^`…/([^`]+)`[^\n]*\n\n```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = EXAMPLE.findall(PAGE)


def kind(topic: str) -> str:
    """Return a topic as the schema names it."""
    name = re.sub(r"^(cmd|rsp)/\w+$", r"\1/+", topic)
    return re.sub(r"^job/[^/]+", "job/+", name)


def problems(part: Any, content: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return what is wrong with some content by a part of the schema."""
    validator = Draft202012Validator({**part, "$defs": SCHEMA["$defs"]})
    return [error.message for error in validator.iter_errors(content)]


def keys(part: Any) -> set[str]:  # noqa: ANN401 - JSON
    found = SCHEMA["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    return set(found["properties"])


def commands() -> Iterator[tuple[str, Any]]:
    yield from SCHEMA["commands"].items()


@pytest.mark.parametrize(("topic", "text"), EXAMPLES, ids=[topic for topic, _ in EXAMPLES])
def test_an_example_is_valid(topic: str, text: str) -> None:
    part, content = SCHEMA["topics"][kind(topic)], msgspec.json.decode(text)
    assert not problems(part, content)
    for each in content if isinstance(content, list) else [content]:
        assert set(each) <= keys(part.get("items", part))
    place, _, name = topic.partition("/")
    if place == "cmd":
        assert not problems(SCHEMA["commands"][name]["args"], content["args"])
    if place == "rsp":
        assert not problems(SCHEMA["commands"][name]["result"], content["result"])


def test_every_topic_is_explained_and_all_but_logs_have_an_example() -> None:
    assert {kind(topic) for topic, _ in EXAMPLES} == set(SCHEMA["topics"]) - {"log"}
    for topic in SCHEMA["topics"]:
        written = {"cmd/+": "cmd/NAME", "rsp/+": "rsp/NAME"}.get(topic, topic.replace("+", "ID"))
        assert f"| `{written}` |" in PAGE


def test_every_command_and_its_arguments_are_explained() -> None:
    rows = re.search(r"\| command \|.*?\n\n", PAGE, re.DOTALL)
    assert rows
    for name, command in commands():
        row = next(line for line in rows[0].splitlines() if f"`{name}`" in line)
        missing = [key for key in keys(command["args"]) if f"`{key}`" not in row] if "see the schema" not in row else []
        assert not missing, name


@pytest.mark.parametrize("words", [JobState, Reason], ids=["states of jobs", "reasons of gaps"])
def test_every_word_that_devices_say_is_explained(words: Any) -> None:  # noqa: ANN401 - a Literal
    assert not [word for word in words.__args__ if f"`{word}`" not in PAGE]


def test_every_event_is_explained() -> None:
    folder = DOCS.parent / "agent" / "telemetry"
    sources = [path.read_text() for path in (*folder.glob("*.py"), *folder.glob("waiting/*.py"))]
    found = {name for text in sources for name in re.findall(r'(?:yield |event=|"event": )"(\w+)"', text)}
    assert {"started", "gap", "throttled", "outbox_corrupt", "job_ended"} <= found
    assert not [name for name in found if f"`{name}`" not in PAGE]


def test_every_setting_that_is_named_exists() -> None:
    pages = [PAGE, *(path.read_text(encoding="utf-8") for path in (DOCS / "integrations").glob("*.md"))]
    named = {name for page in pages for name in re.findall(r"`((?:mqtt|outbox)_[a-z_]+)`", page)}
    assert "mqtt_groups" in named
    assert named - {"outbox_rows", "outbox_corrupt"} <= {setting.name for setting in SETTINGS}
