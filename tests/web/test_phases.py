"""What open pages are told of the device, by events that are JSON."""

import asyncio
from pathlib import Path

import msgspec

from agent.config import Config
from agent.node import Node
from web.locale import Texts, Translator
from web.phases import describe_status


def test_what_the_device_is_doing_is_said_in_the_language_of_the_page_and_can_be_sent(tmp_path: Path) -> None:
    status = asyncio.run(_status(tmp_path, Translator(Texts(), "de")))
    told = msgspec.json.decode(msgspec.json.encode(status))
    assert (told["state"], told["detail"]) == ("loading", "Dieser Computer wird angesehen.")


async def _status(state: Path, t: Translator) -> dict[str, object]:
    """Return what a device says that is about to choose a model."""
    node = Node(Config(state_dir=state, offline=True), {})
    await node.open()
    node.start()
    try:
        return describe_status(node, t)
    finally:
        await node.stop()
