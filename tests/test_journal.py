"""The log in memory: bounded, found by level and text."""

import logging
from collections.abc import Iterator

import pytest

from agent import journal as module
from agent.journal import Journal


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def log(journal: Journal) -> Iterator[logging.Logger]:
    logger = logging.getLogger("tests.journal")
    logger.addHandler(journal)
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.removeHandler(journal)


def texts(journal: Journal, level: int = 0, text: str = "") -> list[str]:
    return [entry.text for entry in journal.find(level=level, text=text)]


def test_records_are_kept_in_order_with_their_values_filled_in(journal: Journal, log: logging.Logger) -> None:
    log.info("Loaded %s", "a model")
    log.warning("Hot")
    assert texts(journal) == ["Loaded a model", "Hot"]
    assert [entry.severity for entry in journal.find()] == ["info", "warning"]
    assert journal.last == 2


def test_the_level_and_the_text_narrow_it_down_whatever_the_case(journal: Journal, log: logging.Logger) -> None:
    log.debug("Looking at DISK")
    log.error("Disk full")
    log.error("Network gone")
    assert texts(journal, logging.ERROR) == ["Disk full", "Network gone"]
    assert texts(journal, text="disk") == ["Looking at DISK", "Disk full"]
    assert texts(journal, logging.ERROR, "disk") == ["Disk full"]
    assert len(texts(journal, text="TESTS.journal")) == 3


def test_a_traceback_is_part_of_the_text(journal: Journal, log: logging.Logger) -> None:
    try:
        int("broken")
    except ValueError:
        log.exception("It failed")
    assert texts(journal)[0].startswith("It failed\nTraceback")
    assert "ValueError: invalid literal" in texts(journal)[0]


def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch, log: logging.Logger) -> None:
    monkeypatch.setattr(module, "_BYTES", 1000)
    journal = Journal()
    log.addHandler(journal)
    for number in range(31):
        log.info("%s", str(number) * 100)
    log.removeHandler(journal)
    assert 400 < sum(map(len, texts(journal))) <= 1000
    assert journal.find()[-1].number == journal.last == 31
    assert texts(journal)[-1] == "30" * 100


def test_no_more_than_two_thousand_are_kept(journal: Journal, log: logging.Logger) -> None:
    for number in range(2100):
        log.info("line %s", number)
    kept = texts(journal)
    assert (len(kept), kept[0], kept[-1]) == (2000, "line 100", "line 2099")


def test_one_endless_text_does_not_push_out_all_others(journal: Journal, log: logging.Logger) -> None:
    log.info("before")
    log.info("%s", "x" * 5_000_000)
    assert texts(journal)[0] == "before"


def test_a_name_that_is_no_text_is_kept_as_it_is(
    journal: Journal, log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "propagate", False)  # pytest-xdist cannot report it
    log.warning("%s cannot be read", "caf\udce9.gguf")
    assert texts(journal) == ["caf\udce9.gguf cannot be read"]
