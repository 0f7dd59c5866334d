"""A terminal that is drawn over and over, and gives itself back as it was."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

_ENTER = "\x1b[?1049h\x1b[?25l"  # a screen of our own, without a cursor
_LEAVE = "\x1b[?25h\x1b[?1049l"
_PIPE = (120, 24)
_HOME, _REST_OF_LINE, _REST_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def can_be_drawn() -> bool:
    """Tell whether standard output is a terminal on which lines can be drawn again."""
    if not sys.stdout.isatty():
        return False
    with suppress(ImportError, OSError):
        import curses

        with suppress(curses.error):  # nobody knows this terminal
            curses.setupterm(fd=sys.stdout.fileno())
            return curses.tigetstr("cup") is not None
    return False


def size() -> os.terminal_size:
    """Return columns and lines of the terminal, 80 and 24 if it does not say; on a pipe there is more room."""
    if not sys.stdout.isatty():
        return os.terminal_size(_PIPE)
    found = os.get_terminal_size(sys.stdout.fileno())
    return os.terminal_size((found.columns or 80, found.lines or 24))


def draw(lines: Sequence[str]) -> None:
    """Show these lines, from the top."""
    sys.stdout.write(_HOME + "\r\n".join(line + _REST_OF_LINE for line in lines) + _REST_OF_SCREEN)
    sys.stdout.flush()


@contextmanager
def taken(pressed: Callable[[str], None]) -> Iterator[None]:
    """Have the terminal for the block; `pressed` is told of each key, in the event loop."""
    sys.stdout.write(_ENTER)
    sys.stdout.flush()
    try:
        with _keys(pressed):
            yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()


@contextmanager
def _keys(pressed: Callable[[str], None]) -> Iterator[None]:
    if not sys.stdin.isatty():
        yield
        return
    number, loop = sys.stdin.fileno(), asyncio.get_running_loop()
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    loop.add_reader(number, lambda: pressed(os.read(number, 64).decode(errors="replace")))
    try:
        yield
    finally:
        loop.remove_reader(number)
        termios.tcsetattr(number, termios.TCSADRAIN, before)
