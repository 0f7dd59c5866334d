"""What a process says when it dies, and what it keeps to itself."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.safe_mode.last_words import LastWords
from tests.web.daemon import ROOT

PROMPT = "the secret of somebody"
DYING = """
import os, sys
from pathlib import Path
from agent.safe_mode.last_words import LastWords
words = LastWords(Path(sys.argv[1]))
words.listen()
def crash(prompt):
    os.kill(os.getpid(), int(sys.argv[2]))
crash(sys.argv[3])
"""


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGSEGV, "Segmentation fault"), (signal.SIGABRT, "Aborted"), (signal.SIGBUS, "Bus error")],
)
def test_a_fatal_signal_is_told_with_its_place_and_without_values(tmp_path: Path, number: int, name: str) -> None:
    path = tmp_path / "words"
    died = subprocess.run([sys.executable, "-c", DYING, path, str(number), PROMPT], cwd=ROOT, check=False)
    assert died.returncode == -number
    ending, what = LastWords(path).read() or ("", "")
    assert (ending, what) == ("signal", f"{name} in <string>:8 (crash)")
    assert PROMPT not in path.read_text()


def test_an_exception_is_told_with_its_kind_and_place_and_without_its_message(tmp_path: Path) -> None:
    words = LastWords(tmp_path / "words")
    try:
        int(PROMPT)
    except ValueError as error:
        words.say(error)
    ending, what = words.read() or ("", "")
    assert ending == "exception"
    assert what.startswith("ValueError in test_last_words.py:")
    assert PROMPT not in (tmp_path / "words").read_text()


def test_who_was_killed_has_said_nothing(tmp_path: Path) -> None:
    path = tmp_path / "words"
    subprocess.run([sys.executable, "-c", DYING, path, str(int(signal.SIGKILL)), PROMPT], cwd=ROOT, check=False)
    assert LastWords(path).read() is None


def test_a_place_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    words = LastWords(tmp_path / "missing" / "words")
    words.listen()
    words.say(ValueError())
    words.close()
    assert words.read() is None
