"""The unit of the engine: `python -m agent.inference.launcher`, started by systemd with a connection as standard input.

It starts one process as it is told, kills it when the daemon says so or is gone, and tells how it ended. systemd is the
parent of this process, and neither the daemon nor anybody else may send it signals.
"""

import contextlib
import os
import runpy
import select
import signal
import socket
import sys

import msgspec

from agent.inference.parent import die_with_parent
from agent.inference.starting import LARGEST, Ended, Start, Started, decode


def main() -> None:
    """Serve one connection to its end."""
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # libraries that read from standard input would read what the daemon says
    os.close(nothing)
    message, descriptors, _, _ = socket.recv_fds(control, LARGEST, 1)
    if not descriptors:  # somebody has looked whether we are here
        return
    start = decode(message, Start)
    launcher = os.getpid()
    child = os.fork()
    if not child:
        die_with_parent()
        if os.getppid() != launcher:  # it died before it could be asked for
            return
        control.close()
        _become(start, descriptors[0])
        return
    os.close(descriptors[0])
    control.send(msgspec.json.encode(Started(child)))
    code = _wait(control, child)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the daemon is gone
        control.send(msgspec.json.encode(Ended(code)))


def _become(start: Start, descriptor: int) -> None:
    sys.argv = [start.module, "--fd", str(descriptor), *start.arguments]
    runpy.run_module(start.module, run_name="__main__", alter_sys=True)


def _wait(control: socket.socket, child: int) -> int:
    """Return how the process ended, as `subprocess` says it; kill it when the daemon shuts the connection."""
    watched = select.poll()
    watched.register(control, select.POLLIN)
    watched.register(os.pidfd_open(child), select.POLLIN)
    if any(number == control.fileno() for number, _ in watched.poll()):
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
