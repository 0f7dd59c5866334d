"""What every child process of the daemon does first."""

import ctypes
import signal
import socket

_PR_SET_PDEATHSIG = 1


def connect(fd: int) -> socket.socket:
    """Return the connection to the daemon, and leave it to the daemon when this process ends.

    Args:
        fd: our end of a socket pair.
    """
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal and systemd tell us too; the daemon decides
        signal.signal(number, signal.SIG_IGN)
    return socket.socket(fileno=fd)


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends, however that ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
