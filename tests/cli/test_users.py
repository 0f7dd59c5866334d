"""`edgewise claim-code` and `edgewise users`."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cli import execute
from tests.cli.running import edgewise, terminal

WORDS = "correct horse"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run `edgewise` with a state directory; `given` is its standard input. Returns status, output and errors."""

    def command(*arguments: str, given: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        status = execute([*arguments, "--state-dir", str(tmp_path / "state")])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return command


def test_the_claim_code_is_shown_until_somebody_claims_the_device(command: Command) -> None:
    status, text, _ = command("claim-code")
    assert status == 0
    found = re.match(r"([0-9A-Z]{4}-[0-9A-Z]{4}) is valid for 30 min, until \d\d:\d\d\.\n", text)
    assert found
    assert command("claim-code")[1].startswith(found[1]), "it stays the same while it is valid"
    command("users", "add", "Ada", "--role", "admin", given=WORDS)
    status, text, _ = command("claim-code")
    assert status == 1
    assert "claimed already" in text


def test_users_are_added_listed_and_removed(command: Command) -> None:
    assert "users add NAME --role admin" in command("users", "list")[1]
    assert command("users", "add", "Ada", "--role", "admin", given=WORDS) == (0, "Ada was added as admin.\n", "")
    assert command("users", "add", "bob", given=WORDS + "\n")[1] == "bob was added as user.\n"
    head, ada, bob = command("users", "list")[1].splitlines()
    assert head.split() == ["NAME", "ROLE", "CREATED", "SEEN"]
    assert ada.startswith("Ada   admin  ")
    assert bob.startswith("bob   user   ")
    assert command("users", "remove", "BOB") == (0, "bob was removed.\n", "")
    assert "bob" not in command("users", "list")[1]


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (["add", "Bob"], WORDS, "first user must be an admin"),
        (["add", "Ada", "--role", "admin"], "short", "at least 8 characters"),
        (["add", "Ada", "--role", "admin"], "", "No password was given"),
        (["add", "\udcff", "--role", "admin"], WORDS, "A name has 1 to 40 characters"),
        (["password", "Eve"], WORDS, "no user 'Eve'"),
        (["remove", "Eve"], "", "no user 'Eve'"),
    ],
    ids=["not admin", "short", "no password", "no text", "password of nobody", "remove nobody"],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    command: Command, arguments: list[str], given: str, words: str
) -> None:
    status, text, error = command("users", *arguments, given=given)
    assert (status, text) == (2, "")
    assert words in error
    assert "Nobody has an account" in command("users", "list")[1]


def test_the_last_admin_cannot_be_removed(command: Command) -> None:
    command("users", "add", "Ada", "--role", "admin", given=WORDS)
    status, _, error = command("users", "remove", "Ada")
    assert status == 2
    assert "Nobody else is an admin" in error


def test_a_password_that_is_no_text_is_an_error_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff" * 10), encoding="utf-8"))
    assert execute(["users", "add", "Ada", "--role", "admin", "--state-dir", str(tmp_path)]) == 2
    assert "no text in UTF-8" in capsys.readouterr().err


def test_in_a_terminal_a_password_is_asked_for_twice_and_not_shown(tmp_path: Path) -> None:
    with terminal(tmp_path, "users", "add", "Ada", "--role", "admin", "--state-dir", str(tmp_path)) as screen:
        screen.wait_for("New password for Ada: ")
        screen.type(f"{WORDS}\n")
        screen.wait_for("The same again: ")
        screen.type(f"{WORDS}\n")
        screen.wait_for("was added as admin.")
        assert WORDS not in screen.screen
        assert screen.process.wait(10) == 0


@pytest.mark.parametrize(("second", "words"), [("other words\n", "The two passwords differ."), ("\x04", "No password")])
def test_a_slip_in_the_terminal_adds_nobody(tmp_path: Path, second: str, words: str) -> None:
    with terminal(tmp_path, "users", "add", "Ada", "--role", "admin", "--state-dir", str(tmp_path)) as screen:
        screen.wait_for("New password for Ada: ")
        screen.type(f"{WORDS}\n")
        screen.wait_for("The same again: ")
        screen.type(second)
        screen.wait_for(words)
        assert screen.process.wait(10) == 2
    assert "Nobody has an account" in edgewise(tmp_path, "users", "list", "--state-dir", str(tmp_path)).stdout
