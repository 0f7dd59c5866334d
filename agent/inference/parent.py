"""What every child process of the daemon does first."""

import ctypes
import os
import select
import signal
import socket

from agent.heap import give_back

_PR_SET_PDEATHSIG = 1


def connect(fd: int) -> socket.socket:
    """Return the connection to the daemon, and leave it to the daemon when this process ends.

    Args:
        fd: our end of a socket pair.
    """
    give_back()
    die_with_parent()
    connection = socket.socket(fileno=fd)
    if _orphaned(connection):  # the daemon had ended before the kernel knew
        os.kill(os.getpid(), signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal and systemd tell us too; the daemon decides
        signal.signal(number, signal.SIG_IGN)
    return connection


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends, however that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _orphaned(connection: socket.socket) -> bool:
    watched = select.poll()
    watched.register(connection, 0)
    return bool(watched.poll(0))
