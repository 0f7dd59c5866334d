"""Changes to a computer, each told before it is made; made only where something would be different."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from agent.errors import InstallError

_LIMIT = 300  # seconds for a command


class Actions:
    """Makes changes, or with `dry` only tells of them.

    Args:
        say: told each change in a line.
        dry: whether to leave everything as it is.
        live: whether to run commands; without, they are left out.
    """

    def __init__(self, say: Callable[[str], None], *, dry: bool = False, live: bool = True) -> None:
        self.say = say
        self.dry = dry
        self.live = live
        self.changes = 0

    def do(self, what: str, how: Callable[[], object]) -> None:
        """Tell of a change and make it.

        Raises:
            InstallError: that is not possible.
        """
        self.changes += 1
        self.say(what)
        if self.dry:
            return
        try:
            how()
        except OSError as error:
            raise InstallError(f"Cannot {what}: {error.strerror or error}.") from error

    def write(self, path: Path, text: str) -> None:
        """Have a file with this text, which everybody may read."""
        if path.is_file() and path.read_text() == text:
            return

        def replace() -> None:
            path.parent.mkdir(0o755, parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.new")
            beside.write_text(text)
            beside.chmod(0o644)
            beside.replace(path)

        self.do(f"write {path}", replace)

    def link(self, path: Path, target: Path) -> None:
        """Have a symbolic link, replaced in one step."""
        if path.is_symlink() and path.readlink() == target:
            return

        def replace() -> None:
            path.parent.mkdir(0o755, parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.new")
            beside.unlink(missing_ok=True)
            beside.symlink_to(target)
            beside.replace(path)

        self.do(f"link {path} to {target}", replace)

    def remove(self, path: Path) -> None:
        """Have no such file or folder."""
        if path.is_dir() and not path.is_symlink():
            self.do(f"remove {path} and what is in it", lambda: shutil.rmtree(path))
        elif path.exists() or path.is_symlink():
            self.do(f"remove {path}", path.unlink)

    def run(self, *command: str) -> None:
        """Run a command; raises `InstallError` with what it said when it fails."""
        if self.live:
            self.do(f"run {' '.join(command)}", lambda: call(*command))


def call(*command: str) -> str:
    """Run a command and return what it said.

    Raises:
        InstallError: it failed, or there is no such command.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIMIT)  # noqa: S603 - ours
    except FileNotFoundError as error:
        raise InstallError(f"There is no command {command[0]}.", hint="Edgewise is supervised by systemd.") from error
    except subprocess.TimeoutExpired as error:
        raise InstallError(f"{' '.join(command)} does not end.") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise InstallError(f"{' '.join(command)} failed: {said or f'status {done.returncode}'}.")
    return done.stdout
