"""What the composer sends."""

from typing import TypeAlias

from litestar.datastructures import FormMultiDict, UploadFile

from agent.chat.extract import LONGEST
from agent.errors import InputError
from agent.node import Node
from agent.phrase import Phrase

Form: TypeAlias = FormMultiDict


def read_text(form: Form) -> str:
    """Return the text of a message; browsers send every end of line as two characters.

    Raises:
        InputError: it is longer than an attached file may be.
    """
    text = str(form.get("text", "")).replace("\r\n", "\n")
    if len(text) > LONGEST:
        raise InputError(
            Phrase(
                "errors.text_too_long",
                "The text has {length} characters; at most {most} can be sent.",
                length=len(text),
                most=LONGEST,
            ),
            field="text",
        )
    return text


async def uploaded(form: Form, node: Node, user_id: str) -> list[str]:
    """Return the ids of the files that go with a message: those uploaded before, and those that come with the form.

    Raises:
        InputError: there is no text in a file, or it is too large.
        NotFoundError: this user has no conversation as the form names.
    """
    composer = str(form.get("conversation", "")) or None
    files = [file for file in form.getall("files", []) if isinstance(file, UploadFile) and file.filename]
    add = node.chat.attachments.add
    added = [await add(user_id, file.filename, await file.read(), composer=composer) for file in files]
    return [*(str(value) for value in form.getall("attachments", [])), *(file.id for file in added)]
