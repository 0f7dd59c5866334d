"""What the composer sends."""

from typing import TypeAlias

from litestar.datastructures import FormMultiDict, UploadFile

from agent.node import Node

Form: TypeAlias = FormMultiDict


def read_text(form: Form) -> str:
    """Return the text of a message; browsers send every end of line as two characters."""
    return str(form.get("text", "")).replace("\r\n", "\n")


async def uploaded(form: Form, node: Node, user_id: str) -> list[str]:
    """Return the ids of the files that go with a message: those uploaded before, and those that come with the form.

    Raises:
        InputError: there is no text in a file, or it is too large.
    """
    files = [file for file in form.getall("files", []) if isinstance(file, UploadFile) and file.filename]
    added = [await node.chat.attachments.add(user_id, file.filename, await file.read()) for file in files]
    return [*(str(value) for value in form.getall("attachments", [])), *(file.id for file in added)]
