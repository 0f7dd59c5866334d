"""The commands, each for itself."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent import pinned, steward
from agent.telemetry import commands
from agent.telemetry.redacting import redacted
from tests.selecting import MODEST, Entry, know_speed, small_model, write_family
from tests.stewarding import install
from tests.telemetry.commanding import Device, device, ready, run, until

ADDRESS = "mqtts://kitchen:pass1234@broker.lan"
PROMPT = "what the doctor said about my knee"


def test_every_command_says_what_it_does_and_takes_no_unknown_arguments() -> None:
    for name, kind in commands.load().items():
        assert kind.help.endswith("."), name
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.convert({"model": "x", "reference": "x", "prompt": "x", "zzz": 1}, kind.args)


def test_prompts_are_off_unless_they_are_allowed(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        answer = await found.ask("say", {"args": {"prompt": PROMPT}})
        assert (answer.status, answer.code) == ("rejected", 403)

    run(tmp_path, scenario)


def test_a_prompt_is_answered_and_neither_is_written_down(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario(found: Device) -> None:
        answer = await found.ask("say", {"id": "s1", "args": {"prompt": PROMPT}})
        assert answer.status == "ok"
        assert (answer.result["text"], answer.result["finish"]) == (PROMPT, "stop")
        again = await found.ask("say", {"id": "s1", "args": {"prompt": PROMPT}})
        assert (again.status, again.result) == ("ok", None)

    run(tmp_path, scenario, mqtt_say=9)
    assert PROMPT not in caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and PROMPT.encode() in path.read_bytes()]


def test_a_streamed_answer_comes_in_parts_that_are_the_whole(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        answer = await found.ask("say", {"args": {"prompt": "!delay 20 !count 30", "stream": True}})
        parts = [a.result["text"] for a in found.hub.answers() if a.status == "progress"]
        assert len(parts) > 1
        assert "".join(parts).strip() == answer.result["text"]
        assert answer.result["tokens"] >= len(parts)

    run(tmp_path, scenario, mqtt_say=9)


def test_an_answer_that_takes_too_long_ends_where_it_is(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        args = {"prompt": "!delay 50 !count 900", "max_tokens": 4000, "timeout_s": 0.7}
        answer = await found.ask("say", {"args": args})
        assert (answer.status, answer.result["finish"]) == ("ok", "timeout")
        assert answer.result["text"].startswith("1")
        await until(lambda: found.node.health().active == 0)

    run(tmp_path, scenario, mqtt_say=9)


def test_so_many_prompts_an_hour_and_no_more_also_after_a_restart(tmp_path: Path) -> None:
    async def twice(found: Device) -> None:
        for _ in range(2):
            assert (await found.ask("say", {"args": {"prompt": "hello"}})).status == "ok"

    async def scenario(found: Device) -> None:
        assert (await found.ask("say", {"args": {"prompt": "hello"}})).code == 429

    run(tmp_path, twice, mqtt_say=2)
    run(tmp_path, scenario, mqtt_say=2)


def test_the_model_is_measured(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        answer = await found.ask("bench")
        assert (answer.status, answer.result["prompt"], answer.result["answer"]) == ("ok", 512, 64)

    run(tmp_path, scenario)


def test_the_report_tells_much_and_opens_no_door(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        log = logging.getLogger("agent.test")
        log.addHandler(found.node.logs)
        log.warning("the broker at %s says no, bearer abc.def, key esk_0123456789abcdef", ADDRESS)
        for number in range(900):
            log.warning("line %d %s", number, "x" * 400)
        log.warning("the last line, about %s", ADDRESS)
        answer = await found.ask("diagnostics", {"args": {"log_lines": 500}})
        log.removeHandler(found.node.logs)
        assert answer.status == "ok"
        raw = found.hub.messages[-1].payload
        assert len(raw) < 64_000
        assert b"pass1234" not in raw
        assert answer.result["log"][-1]["text"] == "the last line, about mqtts://***@broker.lan"
        assert answer.result["settings"]["mqtt_url"] == "mqtts://***@broker.lan"
        assert (answer.result["health"]["status"], answer.result["outbox"]["rows"]) == ("ok", 3)

    run(tmp_path, scenario, mqtt_url=ADDRESS)


@pytest.mark.parametrize(
    "text",
    [
        "http://me:SECRET12@host/x",
        "https://host/file?token=SECRET12&x=1",
        "Authorization: Bearer SECRET12",
        "password=SECRET12",
        "hf_SECRET12abcdef",
        "esk_SECRET12abcdef",
        "the code SECR-ET12",
        "-----BEGIN PRIVATE KEY-----\nSECRET12\n-----END PRIVATE KEY-----",
    ],
)
def test_what_opens_doors_is_taken_out(text: str) -> None:
    assert "ET12" not in redacted(text)


def test_what_opens_no_doors_stays() -> None:
    text = "Loaded qwen2.5-1.5b-instruct in 3.20 s from https://huggingface.co/x/y with 4 threads at 10:22:33"
    assert redacted(text) == text


def test_the_configured_engine_or_model_is_not_replaced(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        answer = await found.ask("set_model", b"auto")
        assert (answer.status, answer.code) == ("rejected", 409)
        assert "echo" in answer.msg

    run(tmp_path, scenario)


def test_an_engine_that_has_failed_gets_another_chance(tmp_path: Path) -> None:
    file = tmp_path / "moody.gguf"
    file.write_text("!refuse")

    async def scenario() -> None:
        async with device(tmp_path / "state", model=str(file)) as found:
            await until(lambda: found.node.health().status == "failed")
            answer = await found.ask("restart_engine")
            assert (answer.status, answer.code) == ("error", 500)
            assert "asked to refuse" in answer.msg
            file.write_text("")
            answer = await found.ask("restart_engine")
            assert (answer.status, answer.result["model"]) == ("ok", "moody")

    asyncio.run(scenario())


def test_a_model_without_room_is_not_even_fetched_and_the_numbers_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_family(tmp_path, Entry("giant", "hf:somebody/giant/giant-Q4_0.gguf", 10**15))

    async def scenario(found: Device) -> None:
        await know_speed(found.node.config, MODEST)
        for name in ("giant", "giant:q4_0", "hf:somebody/giant/giant-Q4_0.gguf"):
            answer = await found.ask("pull_model", {"args": {"reference": name}})
            assert (answer.status, answer.code) == ("rejected", 507)
            assert re.search(r"no room for Giant: .*\d+.* [KMGTP]?i?B", answer.msg)
        assert found.node.downloads.all() == []

    run(tmp_path / "state", scenario, threads=1)


def test_files_and_addresses_are_not_installed(tmp_path: Path) -> None:
    async def scenario(found: Device) -> None:
        for reference in ("/etc/passwd", "https://10.0.0.1/x.gguf"):
            answer = await found.ask("pull_model", {"args": {"reference": reference}})
            assert (answer.status, answer.code) == ("rejected", 403)

    run(tmp_path, scenario)


@asynccontextmanager
async def device_with(tmp_path: Path, *models: str) -> AsyncIterator[Device]:
    """A device with a real engine and small models of these names."""
    settings: dict[str, Any] = {"engine": "llama_cpp", "context": 256, "threads": 1, "least_speed": 5.0}
    async with device(tmp_path / "none", **settings) as found:
        await know_speed(found.node.config, MODEST)
        for name in models:
            await install(found.node.config, small_model(tmp_path / f"{name}.gguf"))
        yield found


def test_models_are_switched_by_name_and_removed_when_they_do_not_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steward, "_LOOK_SECONDS", 0.05)

    async def scenario() -> None:
        async with device_with(tmp_path, "first", "second") as found:
            config = found.node.config
            await ready(found)
            before = found.node.names()[0]
            other = "second" if before == "first" else "first"
            answer = await found.ask("set_model", other.encode())  # as Home Assistant's selects send it
            assert (answer.status, answer.result["model"], answer.result["context"]) == ("ok", other, 256)
            assert found.node.names() == [other] == [pinned.read(config.state_dir)]
            assert [a.status for a in found.hub.answers()] == ["accepted", "ok"]

            answer = await found.ask("set_model", {"args": {"model": "hf:nobody/nothing/x.gguf"}})
            assert answer.status == "error"
            assert found.node.names() == [other]

            answer = await found.ask("remove_model", {"args": {"model": other}})
            assert (answer.status, answer.code) == ("rejected", 409)
            answer = await found.ask("remove_model", {"args": {"model": before}})
            assert answer.result == {"model": before}
            assert [model.name for model in found.node.models.installed()] == [other]
            answer = await found.ask("remove_model", {"args": {"model": before}})
            assert (answer.status, answer.code) == ("rejected", 404)

    asyncio.run(scenario())


def test_a_model_that_cannot_be_run_leaves_the_choice_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steward, "_LOOK_SECONDS", 0.05)

    async def scenario() -> None:
        async with device_with(tmp_path, "good", "bad") as found:
            config = found.node.config
            bad = found.node.models.path(found.node.models.find("bad"))
            pinned.write(config.state_dir, "good")
            await until(lambda: found.node.names() == ["good"])
            data = bad.read_bytes()
            bad.write_bytes(data.replace(b"tokenizer.ggml.model", b"tokenizer.ggml.motel"))
            answer = await found.ask("set_model", {"args": {"model": "bad"}})
            assert (answer.status, answer.code) == ("error", 500)
            assert "bad" in answer.msg
            assert pinned.read(config.state_dir) == "good"
            await until(lambda: found.node.names() == ["good"])

    asyncio.run(scenario())
