"""The page of the device while the governor has the engine work less."""

import asyncio
import itertools
from pathlib import Path

from agent.governor.governor import Governor
from tests.hardware.planting import ZONE, plant
from tests.web.door.house import house

POWER = {"en": "75% of its power", "de": "75% der Leistung", "zh": "75% 的算力"}


def test_says_in_words_why_it_works_less(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with house(tmp_path / "state") as device:
            clock = itertools.count(2, 2)
            device.node.governor = Governor(device.node, device.node._room, tmp_path / "tree", lambda: next(clock))
            for milli in (79000, 79100, 79000):
                plant(tmp_path / "tree", {f"{ZONE}/type": "cpu-thermal\n", f"{ZONE}/temp": f"{milli}\n"})
                await device.node.governor.look()
            await device.node.vitals.look()
            person = await device.person("ada", "admin")
            for language, words in POWER.items():
                page = await device.ask("GET", "/device/live", person.but(accept_language=language))
                assert page.status_code == 200
                assert "79 °C" in page.text
                assert words in page.text

    asyncio.run(scenario())
