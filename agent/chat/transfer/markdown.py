"""The branch of a conversation that is shown, for people to read and to print."""

from collections.abc import Iterator

from agent.chat import tree
from agent.chat.portable import PortableConversation, PortableMessage

SUFFIX = ".md"
MEDIA_TYPE = "text/markdown"


def write(conversation: PortableConversation) -> bytes:
    """Return the file of one conversation."""
    by_id = {message.id: message for message in conversation.messages}
    shown = tree.branch({message.id: message.parent_id for message in conversation.messages}, conversation.leaf)
    title = f"# {conversation.title}" if conversation.title else ""
    system = "\n".join(f"> {line}".rstrip() for line in conversation.system.splitlines())
    parts = [title, system, *(part for identifier in shown for part in _message(by_id[identifier]))]
    return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _message(message: PortableMessage) -> Iterator[str]:
    speaker = "You" if message.role == "user" else f"Assistant ({message.model})" if message.model else "Assistant"
    yield f"## {speaker}"
    for attachment in message.attachments:
        yield f"Attached: {attachment.name}"
    if message.thinking.strip():
        thinking = message.thinking.strip().replace("</details", "&lt;/details")
        yield f"<details><summary>Thinking</summary>\n\n{thinking}\n\n</details>"
    yield message.text.strip()
    yield f"*{message.error}*" if message.error else ""
