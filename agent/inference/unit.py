"""A process that the unit of the engine has started, seen from the daemon."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Sequence
from typing import Self

import msgspec

from agent.errors import EngineError
from agent.inference.starting import LARGEST, Ended, Start, Started, decode

_PATIENCE = 30.0  # seconds for the unit to start: Python from a slow card


class UnitProcess:
    """What the daemon may do with it: the same as with an `asyncio.subprocess.Process`.

    Attributes:
        pid: its process id.
        returncode: how it ended, as `subprocess` says it; None while it runs.
    """

    def __init__(self, control: socket.socket, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._control = control
        self._end = asyncio.create_task(self._listen(), name="end of a process")
        self._end.add_done_callback(lambda _: control.close())

    @classmethod
    async def start(cls, address: str, module: str, arguments: Sequence[str], descriptor: int) -> Self:
        """Have the unit start `python -m module` with its end of a socket pair.

        Raises:
            EngineError: the unit is not there, or ends at once.
        """
        loop = asyncio.get_running_loop()
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        control.setblocking(False)  # noqa: FBT003 - the standard library's signature
        try:
            await loop.sock_connect(control, address)
            socket.send_fds(control, [msgspec.json.encode(Start(module, list(arguments)))], [descriptor])
            message = await asyncio.wait_for(loop.sock_recv(control, LARGEST), _PATIENCE)
            return cls(control, decode(message, Started).pid)
        except (OSError, msgspec.MsgspecError) as error:  # a TimeoutError, of which str is empty, is an OSError
            control.close()
            raise EngineError(
                f"The unit of the engine does not answer at {address}: {str(error) or 'nothing comes'}.",
                hint="`systemctl status edgewise-engine.socket` and `journalctl -t edgewise-engine` say more.",
            ) from error
        except BaseException:  # cancelled
            control.close()
            raise

    def kill(self) -> None:
        """End it at once: its launcher does so when we shut the connection."""
        with contextlib.suppress(OSError):  # it has ended
            self._control.shutdown(socket.SHUT_WR)

    async def wait(self) -> int:
        """Return how it ended."""
        return await asyncio.shield(self._end)

    async def _listen(self) -> int:
        try:
            message = await asyncio.get_running_loop().sock_recv(self._control, LARGEST)
        except ConnectionResetError:
            message = b""
        # Only the kernel ends a launcher before its process: for lack of memory, the whole unit at once.
        self.returncode = decode(message, Ended).code if message else -signal.SIGKILL
        return self.returncode
