"""What telemetry tells people on pages, it tells in the language of the page."""

from pathlib import Path

from agent.telemetry.clock import Clock
from agent.telemetry.waiting.kinds import Limits
from agent.telemetry.waiting.ledger import Ledger
from tests.telemetry.fake_time import FakeTime
from web.locale import Texts, Translator

GERMAN = Translator(Texts(), "de")


def test_a_disk_that_cannot_keep_reports_is_said_in_the_readers_language(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    box = Ledger(tmp_path / "file" / "outbox.db", Limits(), Clock(None, FakeTime()), "b1")
    box.open()
    box.append("event", box._clock.now(), event="started", data={})
    trouble = box.stats.trouble
    assert trouble.startswith("outbox.db cannot be used: ")
    words = GERMAN.phrase(trouble)
    assert words is not None
    assert words.startswith("outbox.db ist nicht benutzbar: ")
    box.close()
