"""Presets: system prompts with sampling settings under a name, each user their own."""

from sqlite_utils import Database

from agent.chat import rows
from agent.chat.conversations import checked_system
from agent.chat.ids import new_id
from agent.chat.records import ChatSettings, Preset
from agent.errors import InputError, NotFoundError
from agent.phrase import Phrase
from agent.store import Store

_LONGEST_NAME = 60
_MOST = 100  # per user


class Presets:
    """The presets in the database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def listed(self, user_id: str) -> list[Preset]:
        """Return the presets of a user by name."""
        query = "SELECT * FROM presets WHERE user_id = ? ORDER BY name COLLATE NOCASE"
        return await self._store.read(lambda database: [rows.preset(r) for r in database.query(query, (user_id,))])

    async def add(self, user_id: str, *, name: str, system: str, settings: ChatSettings) -> Preset:
        """Keep a new preset.

        Raises:
            InputError: the name is empty or too long, the prompt is too long, or there are too many presets.
        """
        made = _checked(new_id(), name, system, settings)
        await self._store.write(lambda database: _insert(database, user_id, made))
        return made

    async def change(self, user_id: str, preset_id: str, *, name: str, system: str, settings: ChatSettings) -> Preset:
        """Put something else in the place of a preset.

        Raises:
            InputError: the name is empty or too long, or the prompt is too long.
            NotFoundError: this user has no such preset.
        """
        changed = _checked(preset_id, name, system, settings)
        values = (changed.name, changed.system, rows.json(settings), preset_id, user_id)
        await self._run("UPDATE presets SET name = ?, system = ?, settings = ? WHERE id = ? AND user_id = ?", values)
        return changed

    async def remove(self, user_id: str, preset_id: str) -> None:
        """Delete a preset.

        Raises:
            NotFoundError: this user has no such preset.
        """
        await self._run("DELETE FROM presets WHERE id = ? AND user_id = ?", (preset_id, user_id))

    async def _run(self, query: str, values: tuple[str, ...]) -> None:
        def run(database: Database) -> None:
            if not database.execute(query, values).rowcount:
                raise NotFoundError(
                    Phrase("errors.no_preset", "There is no such preset."),
                    hint=Phrase("errors.no_preset_hint", "It may have been deleted."),
                )

        await self._store.write(run)


def _checked(preset_id: str, name: str, system: str, settings: ChatSettings) -> Preset:
    name = " ".join(name.split())
    if not 0 < len(name) <= _LONGEST_NAME:
        raise InputError(
            Phrase("errors.preset_name", "The name of a preset has 1 to {most} characters.", most=_LONGEST_NAME),
            field="name",
        )
    return Preset(preset_id, name, checked_system(system), settings)


def _insert(database: Database, user_id: str, made: Preset) -> None:
    (count,) = database.execute("SELECT count(*) FROM presets WHERE user_id = ?", (user_id,)).fetchone()
    if count >= _MOST:
        raise InputError(
            Phrase("errors.too_many_presets", "There are {count} presets already.", count=count),
            hint=Phrase("errors.too_many_presets_hint", "Delete one that you no longer need."),
        )
    database.execute(
        "INSERT INTO presets (id, user_id, name, system, settings) VALUES (?, ?, ?, ?, ?)",
        (made.id, user_id, made.name, made.system, rows.json(made.settings)),
    )
