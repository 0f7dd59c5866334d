"""The text of PDF files, read by a process of its own (see `agent.chat.extract`), one file at a time."""

import asyncio
import logging
import sys

import msgspec

from agent.chat.extract import CPU_SECONDS, LONGEST, MOST_PAGES, Extracted
from agent.errors import InputError
from agent.phrase import Phrase

logger = logging.getLogger(__name__)

_PATIENCE = 60  # seconds; the process may have CPU_SECONDS of a core that it shares with the engine
_SHORTER = Phrase("errors.pdf_shorter", "Attach the pages that matter.")
_PIPE = asyncio.subprocess.PIPE
_HIDDEN = asyncio.subprocess.DEVNULL  # what a library complains about may quote the file


def is_pdf(content: bytes) -> bool:
    """Tell whether a file is a PDF; readers accept some bytes before its mark."""
    return b"%PDF-" in content[:1024]


class PdfReader:
    """Reads PDF files one after the other: a board has memory for one."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def read(self, name: str, content: bytes) -> str:
        """Return the text of a file, with a line before each page.

        Raises:
            InputError: there is no text in it, or it cannot be read.
        """
        async with self._turn:
            extracted = await _extract(content)
        if extracted.trouble:
            raise _refusal(name, extracted)
        return extracted.text


async def _extract(content: bytes) -> Extracted:
    command = (sys.executable, "-m", "agent.chat.extract")
    process = await asyncio.create_subprocess_exec(*command, stdin=_PIPE, stdout=_PIPE, stderr=_HIDDEN, env={})
    try:
        async with asyncio.timeout(_PATIENCE):
            answer, _ = await process.communicate(content)
        return msgspec.json.decode(answer, type=Extracted)
    except (TimeoutError, msgspec.DecodeError):  # too slow, or ended by a limit before it could answer
        logger.info("A PDF file of %d bytes could not be read: status %s", len(content), process.returncode)
        return Extracted(trouble="damaged")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _refusal(name: str, extracted: Extracted) -> InputError:
    message, hint = {
        "encrypted": (
            Phrase("errors.pdf_encrypted", "{name} is protected by a password.", name=name),
            Phrase("errors.pdf_encrypted_hint", "Save it without a password, then attach it."),
        ),
        "pages": (
            Phrase(
                "errors.pdf_pages",
                "{name} has {pages} pages; at most {most}.",
                name=name,
                pages=extracted.pages,
                most=MOST_PAGES,
            ),
            _SHORTER,
        ),
        "long": (
            Phrase("errors.pdf_long", "{name} has more than {most} characters of text.", name=name, most=LONGEST),
            _SHORTER,
        ),
        "empty": (
            Phrase("errors.pdf_empty", "{name} has no text in it; it seems to be scanned.", name=name),
            Phrase("errors.pdf_empty_hint", "Run it through text recognition (OCR) first."),
        ),
        "damaged": (
            Phrase(
                "errors.pdf_damaged",
                "{name} cannot be read: it is damaged, or takes more than {seconds} s.",
                name=name,
                seconds=CPU_SECONDS,
            ),
            Phrase(
                "errors.pdf_damaged_hint",
                "Open it on a computer and print it to a new PDF file, or attach its text.",
            ),
        ),
    }[extracted.trouble]
    return InputError(message, field="file", hint=hint)
