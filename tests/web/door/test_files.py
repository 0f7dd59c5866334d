"""What the daemon writes is for the user that it runs as, whatever the umask of whoever starts it."""

import os
from pathlib import Path

from tests.web.daemon import daemon


def test_nobody_else_reads_what_the_daemon_keeps(tmp_path: Path) -> None:
    state = tmp_path / "kept"
    before = os.umask(0o022)
    try:
        with daemon(tmp_path, "--state-dir", str(state), "--tls", "self", "--auth", "accounts", ready=False):
            modes = {path.name: path.stat().st_mode & 0o777 for path in (state, *state.rglob("*"))}
    finally:
        os.umask(before)
    assert {"kept", "app.db", "app.db-wal", "app.db-shm", "local-key"} <= set(modes)
    assert any(name.endswith(".pem") for name in modes)
    assert not [name for name, mode in modes.items() if mode & 0o077]
