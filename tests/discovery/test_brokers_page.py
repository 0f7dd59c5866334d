"""Brokers of the network on the page of the settings: shown, and nothing more."""

import asyncio
from pathlib import Path

from tests.discovery.network import announced, claim, device, neighbour
from tests.web.door.house import house


def test_a_broker_is_offered_as_text_and_not_used(tmp_path: Path) -> None:
    async def run() -> None:
        async with neighbour() as other, announced(device()) as told, house(tmp_path) as home:
            home.node.discovery = told.discovery
            ada = await home.person("Ada", "admin")
            await claim(other, "hub.local.", "127.0.0.1", "_mqtt._tcp.local.", "<b>Hub</b>")
            reply = await home.ask("GET", "/settings/telemetry/brokers", ada.but(hx_request="true"))
            assert 'value="mqtt://127.0.0.1:1883"' in reply.text
            assert "&lt;b&gt;Hub" in reply.text
            assert "<html" not in reply.text
            whole = await home.ask("GET", "/settings/telemetry/brokers", ada)
            assert 'id="reports"' in whole.text, "without scripts it is a page"
            assert 'value="mqtt://127.0.0.1:1883"' in whole.text
            assert home.node.telemetry.reporter is None

    asyncio.run(run())
