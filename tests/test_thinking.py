"""Models that may think or not do what they were chosen for, unless a request says otherwise."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.engines import Sampling
from agent.inference.frames import Finished, Generate
from agent.node import Node
from tests.fake_hub import FakeHub
from tests.selecting import ABSURD, MODEST, Entry, small_model, write_family
from tests.stewarding import install, running, serves, settings

TEMPLATE = (
    "{% if enable_thinking is not defined %}{{ 'undefined ' * 40 }}"
    "{% elif enable_thinking %}{{ 'think ' * 25 }}{% endif %}a"
)


async def told(node: Node, template: dict[str, Any]) -> str:
    """Return what the template was told, by the length of the prompt."""
    request = Generate(0, Sampling(), messages=[{"role": "user", "content": "hi"}], max_tokens=1, template=template)
    stream = node.generate(request)
    while events := await stream.events():
        for event in events:
            if isinstance(event, Finished):
                length = event.timings.prompt
    return "nothing" if length > 250 else "think" if length > 80 else "not"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


QUICK = {"prefer": "quality", "speed": ABSURD}  # quality is wanted, and the wait for thinking can be borne
USUAL = {"prefer": "balanced", "speed": MODEST}


@pytest.mark.parametrize(
    ("thinking", "wish", "template", "expected"),
    [
        ("on", USUAL, {}, "not"),
        pytest.param("off", USUAL, {}, "not", marks=pytest.mark.slow),
        pytest.param("never", USUAL, {}, "not", marks=pytest.mark.slow),
        pytest.param("on", QUICK, {}, "think", marks=pytest.mark.slow),
        ("off", QUICK, {}, "think"),
        ("on", USUAL, {"enable_thinking": True}, "think"),
        ("on", QUICK, {"enable_thinking": False}, "not"),
    ],
)
def test_the_template_is_told_what_the_model_was_chosen_for(
    home: Path, thinking: str, wish: dict[str, Any], template: dict[str, Any], expected: str
) -> None:
    path = small_model(home / "model.gguf", TEMPLATE)
    write_family(home, Entry("model", str(path), path.stat().st_size, thinking=thinking))
    config = replace(settings(home, FakeHub()), offline=True, prefer=wish["prefer"])

    async def scenario() -> str:
        await install(config, path)
        async with running(config, speed=wish["speed"]) as node:
            await serves(node, "model")
            return await told(node, template)

    assert asyncio.run(scenario()) == expected


def test_a_model_that_nobody_knows_is_told_not_to_think(home: Path) -> None:
    path = small_model(home / "stranger.gguf", TEMPLATE)
    config = replace(settings(home, FakeHub()), offline=True, model=str(path))

    async def scenario() -> str:
        async with running(config) as node:
            await serves(node, "stranger")
            return await told(node, {})

    assert asyncio.run(scenario()) == "not"
