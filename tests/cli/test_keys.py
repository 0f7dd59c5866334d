"""`edgewise keys`."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cli import execute
from agent.security.accounts import Accounts
from agent.security.identity import Identity
from agent.store import Store

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `edgewise keys`; returns status, output and errors."""

    def command(*arguments: str) -> tuple[int, str, str]:
        status = execute(["keys", *arguments, "--state-dir", str(tmp_path)])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return command


def identify(state: Path, secret: str) -> Identity | None:
    """Return what a daemon that works with this directory thinks of a key."""
    store = Store(state / "app.db")
    store.open()
    try:
        return asyncio.run(Accounts.on(store, state).identify_key(secret))
    finally:
        store.close()


def test_a_new_key_is_all_that_stands_on_standard_output(command: Command, tmp_path: Path) -> None:
    status, text, error = command("create", "home-assistant", "--scope", "models", "--scope", "chat")
    assert status == 0
    assert error == "The key home-assistant may do: chat, models. Keep it now; it is not shown again.\n"
    assert identify(tmp_path, text.strip()) == Identity("", "home-assistant", scopes=frozenset({"chat", "models"}))


def test_a_key_is_for_chat_unless_more_is_asked_for(command: Command, tmp_path: Path) -> None:
    identity = identify(tmp_path, command("create", "phone")[1].strip())
    assert identity is not None
    assert identity.scopes == {"chat"}


def test_keys_are_listed_without_their_secrets(command: Command, tmp_path: Path) -> None:
    assert command("list")[1] == "There is no key. `edgewise keys create NAME` makes one.\n"
    secret = command("create", "phone")[1].strip()
    head, row = command("list")[1].splitlines()
    assert head.split() == ["NAME", "ID", "KEY", "SCOPES", "OWNER", "CREATED", "USED"]
    name, _, shown, scopes, owner, _, _, used = row.split()
    assert (name, shown, scopes, owner, used) == ("phone", f"esk_...{secret[-4:]}", "chat", "-", "-")
    identify(tmp_path, secret)
    assert not command("list")[1].endswith("-\n")


def test_a_revoked_key_is_refused(command: Command, tmp_path: Path) -> None:
    secret = command("create", "phone")[1].strip()
    assert command("revoke", "ph") == (0, "phone was revoked.\n", "")
    assert identify(tmp_path, secret) is None
    status, _, error = command("revoke", "ph")
    assert status == 2
    assert "There is no key 'ph'" in error


def test_every_id_can_be_typed(command: Command) -> None:
    for _ in range(20):
        command("create", "phone")
        key_id = command("list")[1].splitlines()[1].split()[1]
        assert command("revoke", key_id)[0] == 0


def test_a_second_key_of_a_name_is_refused(command: Command) -> None:
    command("create", "phone")
    status, text, error = command("create", "Phone")
    assert (status, text) == (2, "")
    assert "There is a key Phone already" in error
