"""A model update as the hub sees it: the new model stays, or what served before is back."""

import asyncio
from pathlib import Path

import msgspec

from agent.benchmark import request
from agent.config import Config
from tests.stewarding import serves, until
from tests.telemetry.jobs.device import NEW, OLD, running, update

STEPS = ["download", "verify", "stage", "swap", "health", "commit", "successful"]


def test_a_model_that_answers_right_takes_over_and_stays(config: Config, starter: Path) -> None:
    health = {"prompts": [{"ask": "Hello, what is the capital of France?", "expect": "Paris"}], "min_tok_s": 0.1}

    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(starter, health=health))
            end = await device.ends()
            assert device.jobs.states == STEPS, end.msg
            name = device.node.names()[0]
            assert end.msg == f"{name} serves."
            assert name in device.installed()
            assert device.chosen() == name
            assert end.result["tok_s"] > 0.1
            assert end.result["memory_mb"] > 90
            assert end.attempt == 1
            assert OLD in device.installed()

    asyncio.run(scenario())


def test_a_model_that_is_not_healthy_gives_way_and_every_reason_is_told_with_numbers(
    home: Path, config: Config
) -> None:
    health = {
        "prompts": [{"ask": "What is 2+2?", "expect": "no such model says this"}, {"ask": "Hello"}],
        "min_tok_s": 1e9,
        "max_memory_mb": 1,
    }

    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "new.gguf", health=health))
            end = await device.ends()
            assert end.state == "rolled_back"
            assert "1 of 2 answers are not as expected (of prompt 1)" in end.msg
            assert "tokens per second, of at least 1000000000.0" in end.msg
            assert "of memory, of at most 1.0 MiB" in end.msg
            assert "2+2" not in end.msg
            assert device.node.names() == [OLD]
            assert device.installed() == [OLD]
            assert device.chosen() == ""

    asyncio.run(scenario())


def test_a_model_that_does_not_load_gives_way(home: Path, config: Config) -> None:
    broken = home / "broken.gguf"
    data = (home / "new.gguf").read_bytes()
    broken.write_bytes(data.replace(b"tokenizer.ggml.model", b"tokenizer.ggml.modle"))

    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(broken))
            end = await device.ends()
            assert end.state == "rolled_back"
            assert "broken" in end.msg
            assert "health" not in device.jobs.states
            await serves(device.node, OLD)
            assert device.installed() == [OLD]

    asyncio.run(scenario())


def test_what_people_have_chosen_is_chosen_again_after_a_rollback(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            device.node.use_model(OLD)
            await device.send(update(home / "new.gguf", health={"min_tok_s": 1e9}))
            assert (await device.ends()).state == "rolled_back"
            assert device.chosen() == OLD

    asyncio.run(scenario())


def test_a_model_that_serves_already_is_only_checked(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "old.gguf"))
            assert (await device.ends()).state == "successful"
            assert device.jobs.states == ["health", "commit", "successful"]
            await device.send(update(home / "old.gguf", health={"min_tok_s": 1e9}), "j2")
            assert (await device.ends("j2")).state == "failed"
            assert device.node.names() == [OLD]

    asyncio.run(scenario())


WRONG: list[tuple[dict[str, object], str]] = [
    ({"sha256": "0" * 64}, "expected 000000"),
    ({"size": 12345}, "of 12345 bytes expected"),
    ({"reference": "/nowhere/model.gguf"}, "There is no file /nowhere/model.gguf"),
    ({"url": "https://example.org/model.gguf"}, "either a url or a reference"),
    ({"reference": "", "url": "https://example.org/model.gguf", "sha256": ""}, "needs its sha256"),
    ({"size": 1 << 60}, "Not enough disk space"),
]


def test_an_artifact_that_is_not_as_told_changes_nothing(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            for number, (change, reason) in enumerate(WRONG):
                job = update(home / "new.gguf")
                job["artifact"] |= change
                await device.send(job, f"j{number}")
                end = await device.ends(f"j{number}")
                assert end.state == "failed"
                assert reason in end.msg
                assert (device.installed(), device.chosen()) == ([OLD], "")
            assert "swap" not in device.jobs.states

    asyncio.run(scenario())


def test_a_model_of_the_same_name_is_installed_beside_the_old_one(home: Path, config: Config) -> None:
    folder = home / "next"
    folder.mkdir()
    other = folder / "old.gguf"
    (home / "new.gguf").rename(other)

    async def scenario() -> None:
        async with running(config) as device:
            job = update(other)
            await device.send(job)
            assert (await device.ends()).state == "successful"
            assert device.node.names() == [f"old-{job['artifact']['sha256'][:8]}"]

    asyncio.run(scenario())


def test_an_engine_without_models_says_that_its_model_does_not_change(home: Path, config: Config) -> None:
    async def scenario() -> None:
        echo = msgspec.structs.replace(config, engine="echo")
        async with running(echo, serving="") as device:
            await device.send(update(home / "new.gguf"))
            assert (await device.ends()).msg == "The configuration of the device says what serves: echo."

    asyncio.run(scenario())


def test_people_who_are_being_answered_are_waited_for(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(msgspec.structs.replace(config, context=8192)) as device:
            model = device.node.model
            assert model is not None
            stream = device.node.generate(request(model.vocabulary, 1, 16, 8000))
            await device.send(update(home / "new.gguf"))
            await until(lambda: bool(device.hub.sent) and "being answered" in device.hub.last().msg)
            assert device.hub.last().state == "waiting"
            assert device.node.names() == [OLD]
            stream.cancel()
            assert (await device.ends()).state == "successful"
            assert device.node.names() == [NEW]

    asyncio.run(scenario())
