"""Settings of a process without a home: a service of a user that only systemd knows, a container by number."""

import pwd
from pathlib import Path
from typing import NoReturn

import pytest

from agent.config import resolve


def nobody(_number: int) -> NoReturn:
    raise KeyError


def test_who_has_no_home_has_settings_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    found = resolve({"port": 1}).config
    assert found.state_dir == Path("/.local/state/edgewise")
    assert found.directories("families")[1] == Path("/etc/edgewise/families")
