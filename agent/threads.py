"""Threads that are there from the beginning, so that none is begun while people are served.

CPython waits for ever for a new thread that runs out of memory in its first instructions
(https://github.com/python/cpython/issues/140746); in the event loop that would hold everybody up.
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

_MOST = 32
_SPARE = 4  # more than there are processors; both as in CPython's `concurrent.futures`


def begun(count: int, name: str) -> ThreadPoolExecutor:
    """Return an executor all of whose threads wait for work."""
    executor, together = ThreadPoolExecutor(count, thread_name_prefix=name), Barrier(count + 1)
    for _ in range(count):  # each is held, so that the next one needs another thread
        executor.submit(together.wait)
    together.wait()
    return executor


def prepare(loop: asyncio.AbstractEventLoop) -> None:
    """Begin the threads for what would hold a loop up, and have it wait for child processes without any."""
    loop.set_default_executor(begun(min(_MOST, (os.cpu_count() or 1) + _SPARE), "work"))
    if sys.version_info < (3, 12) and _can_watch():  # as later versions do; else a thread for each child
        watcher = asyncio.PidfdChildWatcher()
        watcher.attach_loop(loop)
        asyncio.set_child_watcher(watcher)


def _can_watch() -> bool:
    """Tell whether the kernel can name processes by files: Linux 5.3."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True
