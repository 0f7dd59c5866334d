"""A real broker, mosquitto, that a test owns: it can be stopped, killed, started again and asked what it has seen."""

import getpass
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.telemetry.authority import Authority

_PATIENCE = 10.0  # seconds


@dataclass
class Broker:
    """A broker on a free port of this computer.

    Attributes:
        folder: where its files are.
        options: further lines of mosquitto.conf, such as `max_inflight_messages 5`.
        users: passwords by name; none: everybody may come in.
        access: lines of the access list; none: everything is allowed.
        authority: who signs its certificate; then it speaks TLS.
        certificates: clients need one too, and its name is their user name.
    """

    folder: Path
    options: Sequence[str] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    access: Sequence[str] = ()
    authority: Authority | None = None
    certificates: bool = False
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, for the setting `mqtt_url`."""
        return f"{'mqtts' if self.authority else 'mqtt'}://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process, for those who measure."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start, on the same port as before and with what was kept."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text("\n".join(self._lines()) + "\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([_program("mosquitto"), "-c", configuration], stdout=log, stderr=log)
        self._wait_until_it_listens()

    def stop(self) -> None:
        """End in good order: it keeps retained messages and sessions."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End as in a power cut."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Hang; connections stay open."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """Return what it has written down."""
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def _end(self, how: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(_PATIENCE)
            self._process = None

    def _lines(self) -> Iterator[str]:
        yield from ("per_listener_settings false", f"user {getpass.getuser()}", "log_dest stderr", "log_type all")
        yield from ("persistence true", f"persistence_location {self.folder}/", "set_tcp_nodelay true")
        yield f"listener {self.port} 127.0.0.1"
        if self.authority:
            chain, key = self.authority.issue("127.0.0.1")
            yield from (f"cafile {self.authority.certificate}", f"certfile {chain}", f"keyfile {key}")
        if self.certificates:
            yield from ("require_certificate true", "use_identity_as_username true")
        if self.users:
            yield f"password_file {self._password_file()}"
        if self.access:
            (self.folder / "access").write_text("\n".join(self.access) + "\n")
            yield f"acl_file {self.folder / 'access'}"
        yield f"allow_anonymous {'false' if self.users or self.certificates else 'true'}"
        yield from self.options

    def _password_file(self) -> Path:
        path = self.folder / "passwords"
        path.write_text("".join(f"{name}:{password}\n" for name, password in self.users.items()))
        path.chmod(0o600)
        subprocess.run([_program("mosquitto_passwd"), "-U", path], check=True, capture_output=True)
        return path

    def _wait_until_it_listens(self) -> None:
        assert self._process
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.01)
        pytest.fail(f"mosquitto did not start:\n{self.log()}", pytrace=False)


@contextmanager
def broker(
    folder: Path,
    *options: str,
    users: Mapping[str, str] | None = None,
    access: Sequence[str] = (),
    authority: Authority | None = None,
    certificates: bool = False,
) -> Iterator[Broker]:
    """Run a broker for the block."""
    running = Broker(folder / "mosquitto", options, users or {}, access, authority, certificates=certificates)
    running.start()
    try:
        yield running
    finally:
        running.kill()


def _program(name: str) -> str:
    """Return a program of Debian's package mosquitto, which is not for everybody's PATH."""
    found = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.fail(f"{name} is missing: sudo apt-get install mosquitto", pytrace=False)
    return found


def free_port() -> int:
    """Return a port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
