"""Asks for a new password."""

import getpass
import sys

from agent.errors import InputError
from agent.security.passwords import check_password


def ask_for_password(name: str) -> str:
    """Return a password that was typed twice unseen, or the first line of a standard input that is no terminal.

    Raises:
        InputError: there is none, it is too short or too long, or the two differ.
    """
    try:
        return _typed(name) if sys.stdin.isatty() else _piped()
    except EOFError:
        raise InputError("No password was given.", field="password") from None


def _typed(name: str) -> str:
    password = getpass.getpass(f"New password for {name}: ")
    check_password(password)
    if getpass.getpass("The same again: ") != password:
        raise InputError("The two passwords differ.", field="password")
    return password


def _piped() -> str:
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError as error:
        raise InputError("The password is no text in UTF-8.", field="password") from error
    if not line:
        raise EOFError
    password = line.rstrip("\r\n")
    check_password(password)
    return password
