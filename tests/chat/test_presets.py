import asyncio

import pytest

from agent.chat.presets import Presets
from agent.chat.records import ChatSettings
from agent.errors import InputError, NotFoundError
from agent.store import Store

PLAIN = ChatSettings()


def test_presets_are_kept_per_user_and_listed_by_name(store: Store) -> None:
    async def run() -> None:
        presets = Presets(store)
        pirate = await presets.add("anna", name=" pirate ", system="Arr.", settings=ChatSettings(temperature=1.5))
        brief = await presets.add("anna", name="Brief", system="", settings=PLAIN)
        assert await presets.listed("anna") == [brief, pirate]
        assert await presets.listed("bert") == []
        changed = await presets.change("anna", pirate.id, name="Admiral", system="", settings=PLAIN)
        assert await presets.listed("anna") == [changed, brief]
        await presets.remove("anna", brief.id)
        assert await presets.listed("anna") == [changed]

    asyncio.run(run())


def test_nobody_touches_the_presets_of_another(store: Store) -> None:
    async def run() -> None:
        presets = Presets(store)
        hers = await presets.add("anna", name="x", system="", settings=PLAIN)
        with pytest.raises(NotFoundError):
            await presets.change("bert", hers.id, name="y", system="", settings=PLAIN)
        with pytest.raises(NotFoundError):
            await presets.remove("bert", hers.id)
        assert await presets.listed("anna") == [hers]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "system", "field"), [("", "", "name"), ("x" * 61, "", "name"), ("x", "y" * 32_001, "system")]
)
def test_a_preset_has_a_name_and_a_prompt_of_bearable_length(store: Store, name: str, system: str, field: str) -> None:
    with pytest.raises(InputError) as refused:
        asyncio.run(Presets(store).add("anna", name=name, system=system, settings=PLAIN))
    assert refused.value.field == field


def test_there_is_an_end_to_presets(store: Store) -> None:
    async def run() -> None:
        for number in range(101):
            await Presets(store).add("anna", name=str(number), system="", settings=PLAIN)

    with pytest.raises(InputError, match="100 presets"):
        asyncio.run(run())
