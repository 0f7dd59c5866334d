"""Why a job is where it is, is said in the reader's language, also after a restart of the device."""

import asyncio
from pathlib import Path

from agent.config import Config
from agent.phrase import Phrase, joined
from agent.store import Store
from agent.telemetry.jobs.record import CANCELED, Record, Table
from tests.telemetry.jobs.device import running, update
from web.locale import Texts, Translator

GERMAN = Translator(Texts(), "de")


async def kept(path: Path, reason: str) -> str:
    """Return a reason as a later run of the daemon finds it."""
    store = Store(path / "app.db")
    store.open()
    try:
        table = Table(store)
        await table.add(Record("j1", None, 1))
        await table.keep(Record("j1", None, 1, reason=reason))
        (record,) = await table.load()
        assert record.wording is None, "on the disk only"
        return record.reason
    finally:
        store.close()


def test_a_reason_is_kept_with_all_that_is_within_it(tmp_path: Path) -> None:
    slow = Phrase("jobs.too_slow", "it gives {speed:.1f} tokens per second, of at least {least:.1f}", speed=2, least=5)
    unhealthy = Phrase("jobs.unhealthy", "{name} is not healthy: {reasons}.", name="new", reasons=slow)
    after = asyncio.run(kept(tmp_path, joined(unhealthy, CANCELED)))
    assert after == (
        "new is not healthy: it gives 2.0 tokens per second, of at least 5.0. The hub has cancelled the job."
    )
    said = "es schafft 2.0 Token pro Sekunde, nötig sind 5.0. Die Zentrale hat den Auftrag abgebrochen."
    assert GERMAN.phrase(after) == f"new hat die Prüfung nicht bestanden: {said}"


def test_a_reason_in_foreign_words_stays_as_it_is(tmp_path: Path) -> None:
    after = asyncio.run(kept(tmp_path, "disk {on} fire"))
    assert (after, GERMAN.phrase(after)) == ("disk {on} fire", None)


def test_words_of_another_version_are_shown_in_english_instead_of_an_error() -> None:
    for code in ("jobs.no_such_text", "jobs.serves"):
        assert GERMAN.phrase(Phrase.again(code, "it was so", {"other": 1})) is None


def test_the_end_of_a_job_is_a_phrase_before_and_after_a_restart(home: Path, config: Config) -> None:
    async def scenario() -> None:
        async with running(config) as device:
            await device.send(update(home / "old.gguf"))
            await device.ends()
            assert GERMAN.phrase(dict(device.jobs.listed())["j1"].msg) == "old antwortet jetzt."
        async with running(config) as device:
            assert GERMAN.phrase(dict(device.jobs.listed())["j1"].msg) == "old antwortet jetzt."

    asyncio.run(scenario())
