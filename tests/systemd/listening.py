"""What stands in for systemd: a socket for messages, and one that starts a process for each connection."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Manager:
    """The receiving end of sd_notify."""

    def __init__(self, wire: socket.socket, address: str) -> None:
        self.address = address
        self._wire = wire

    def message(self, seconds: float = 20) -> dict[str, str]:
        """Return the next message; raises `TimeoutError` when there is none in time."""
        self._wire.settimeout(seconds)
        return dict(line.split("=", 1) for line in self._wire.recv(65536).decode().split("\n"))

    def until(self, name: str, seconds: float = 20) -> list[dict[str, str]]:
        """Return the messages up to the first that sets this variable."""
        found = [self.message(seconds)]
        while name not in found[-1]:
            found.append(self.message(seconds))
        return found

    def silent(self, name: str, seconds: float) -> bool:
        """Tell whether no message for so long sets this variable."""
        try:
            self.until(name, seconds)
        except TimeoutError:
            return True
        return False


@contextmanager
def manager(address: str) -> Iterator[Manager]:
    """Listen at a path, or with `@` at an abstract address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind("\0" + address[1:] if address.startswith("@") else address)
        yield Manager(wire, address)


@contextmanager
def engine_socket(path: Path, python: str = sys.executable) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start the command of the unit for each connection, as `Accept=yes` does; yields all processes so far."""
    started: list[subprocess.Popen[bytes]] = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # shut
                return
            with connection:
                command = [python, "-m", "agent.inference.launcher"]
                started.append(subprocess.Popen(command, stdin=connection.fileno(), cwd=ROOT))

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield started
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()
        for process in started:
            process.kill()
            process.wait()
