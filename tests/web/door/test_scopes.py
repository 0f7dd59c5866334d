"""What keys for less than everything may not do on the routes that they may ask."""

import asyncio
from pathlib import Path
from typing import Any

from tests.web.door.house import house

MESSAGES = [{"role": "user", "content": "hello"}]
PATTERN = {"type": "object", "properties": {"code": {"type": "string", "pattern": "^(a?b?)*$"}}}
HARMLESS = {"type": "object", "properties": {"pattern": {"type": "string"}}}


def schema(value: object) -> dict[str, Any]:
    """Return the fields of a request for an answer in this shape."""
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": value}}}


BROKEN = 503  # nothing stands in the way but that the engine is not started here
CASES: list[tuple[str, dict[str, Any], int]] = [
    ("/v1/chat/completions", {"messages": MESSAGES}, BROKEN),
    ("/v1/chat/completions", {"messages": MESSAGES, "grammar": 'root ::= "a"'}, 403),
    ("/v1/completions", {"prompt": "a", "grammar": 'root ::= "a"'}, 403),
    ("/v1/chat/completions", {"messages": MESSAGES, **schema(PATTERN)}, 403),
    ("/v1/chat/completions", {"messages": MESSAGES, **schema({"anyOf": [PATTERN]})}, 403),
    ("/v1/chat/completions", {"messages": MESSAGES, **schema(HARMLESS)}, BROKEN),
    ("/chat/completions", {"messages": MESSAGES, "response_format": {"type": "json_object", "schema": PATTERN}}, 403),
]
SOURCES = {
    "hf:owner/repo": 202,
    "starter": 202,
    "/etc/shadow": 403,
    "~/model.gguf": 403,
    "file:///etc/shadow": 403,
    "http://127.0.0.1:8080/x.gguf": 403,
    "https://192.168.1.1/x.gguf": 403,
}


def test_only_admins_send_grammars(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            chat, admin = await device.program("chat"), await device.program("admin")
            for path, fields, status in CASES:
                assert (await device.ask("POST", path, chat, json=fields)).status_code == status, fields
                assert (await device.ask("POST", path, admin, json=fields)).status_code == BROKEN, fields

    asyncio.run(scenario())


def test_only_admins_install_from_files_and_addresses(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path) as device:
            await device.person("Ada", "admin")
            models, admin = await device.program("models"), await device.program("admin")
            for reference, status in SOURCES.items():
                body = {"reference": reference, "accept_licence": True}
                path = "/api/edgewise/models/pull"
                assert (await device.ask("POST", path, models, json=body)).status_code == status, reference
                assert (await device.ask("POST", path, admin, json=body)).status_code == 202, reference

    asyncio.run(scenario())
