"""The process that reads one PDF file: `python -m agent.chat.extract`, the file on stdin, its text on stdout.

A PDF is a program of sorts, and many that are passed around are hostile or broken: it is read where nothing can be
hurt, with little memory and little time, and this process dies with the daemon.
"""

import ctypes
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from pypdf import PdfReader

LONGEST = 1_000_000
"""Characters of text that are read of one file."""

MOST_PAGES = 500
CPU_SECONDS = 20

_MEMORY = 512 << 20  # bytes of address space; Python with pypdf takes about 100 MB of it
_NICENESS = 10  # answers that are being written go first
_PR_SET_PDEATHSIG = 1


class Extracted(msgspec.Struct, frozen=True):
    """The text with a line before each page, or why there is none. `pages` of the file."""

    text: str = ""
    pages: int = 0
    trouble: Literal["", "encrypted", "pages", "empty", "long", "damaged"] = ""


def main() -> None:
    """Read the file and answer."""
    _confine()
    content = sys.stdin.buffer.read()
    answer = msgspec.json.encode(_extract(content))
    while answer:
        answer = answer[os.write(1, answer) :]


def _confine() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(_NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _extract(content: bytes) -> Extracted:
    from io import BytesIO  # noqa: PLC0415 - with pypdf, after the limits are set

    from pypdf import PdfReader  # noqa: PLC0415 - the daemon imports this module for its constants

    try:
        reader = PdfReader(BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            return Extracted(trouble="encrypted")
        return _text(reader)
    except Exception:  # noqa: BLE001 - hostile files raise all there is, RecursionError and MemoryError among it
        return Extracted(trouble="damaged")


def _text(reader: "PdfReader") -> Extracted:
    count = len(reader.pages)
    if count > MOST_PAGES:
        return Extracted(pages=count, trouble="pages")
    pages, length = [], 0
    for number, page in enumerate(reader.pages, start=1):
        text = page.extract_text().strip()
        length += len(text)
        if length > LONGEST:
            return Extracted(pages=count, trouble="long")
        pages.append(f"[Page {number}]\n{text}")
    return Extracted("\n\n".join(pages), count) if length else Extracted(pages=count, trouble="empty")


if __name__ == "__main__":
    main()
