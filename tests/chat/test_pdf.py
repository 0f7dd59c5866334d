import asyncio
import io
import os
import zlib
from pathlib import Path

import pypdf
import pytest

from agent.chat.attachments import Attachments
from agent.chat.pdf import PdfReader
from agent.errors import InputError
from agent.store import Store
from tests.chat.pdf_files import assembled, pdf, stream, text


def read(content: bytes) -> str:
    return asyncio.run(PdfReader().read("a.pdf", content))


def encrypted(password: str) -> bytes:
    writer = pypdf.PdfWriter(io.BytesIO(pdf(text("secret"))))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")  # noqa: S106 - of a test
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def test_the_text_of_a_pdf_is_kept_with_its_pages_marked(store: Store) -> None:
    async def run() -> str:
        made = await Attachments(store).add("anna", "a.PDF", pdf(text("Hello"), text("World")))
        return await Attachments(store).text("anna", made.id)

    assert asyncio.run(run()) == "[Page 1]\nHello\n\n[Page 2]\nWorld"


def test_a_pdf_that_opens_without_a_password_is_read() -> None:
    assert "secret" in read(encrypted(""))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (encrypted("unknown"), "password"),
        (pdf(text("")), "scanned"),
        (pdf(*[text("x")] * 501), "501 pages"),
        (pdf(*[text("x" * 3000)] * 400), "1000000 characters"),
        (pdf(text("x"))[:200], "damaged"),
        (b"%PDF-1.4\n" + os.urandom(10_000), "damaged"),
        (b"%PDF-1.4\n1 0 obj\n" + b"[" * 500_000 + b"\nendobj\ntrailer<</Root 1 0 R>>", "damaged"),
        (assembled([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[2 0 R]>>"]), "damaged"),
        (pdf(stream(zlib.compress(bytes(300_000_000), 1), b"/Filter/FlateDecode")), "damaged"),
    ],
    ids=["encrypted", "scanned", "pages", "long", "truncated", "random", "nested", "circle", "bomb"],
)
def test_a_pdf_that_cannot_be_read_is_refused_with_the_reason(content: bytes, match: str) -> None:
    with pytest.raises(InputError, match=match) as refused:
        read(content)
    assert refused.value.field == "file"
    assert refused.value.hint


def test_nobody_waits_for_a_process_that_reads_for_somebody_who_left() -> None:
    async def run() -> None:
        before = children()
        heavy = pdf(*[stream(b"BT (aaaaaaaa) Tj ET\n" * 5000)] * 100)
        task = asyncio.create_task(PdfReader().read("a.pdf", heavy))
        await asyncio.sleep(0.1)
        assert children() != before
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert children() == before

    asyncio.run(run())


def children() -> str:
    """Return the ids of the processes that this thread has started and that are there yet."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()
